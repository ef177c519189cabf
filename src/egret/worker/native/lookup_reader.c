/* Messages of the plainest shapes, read: decode/plain_lookup.py, ``read_plain``. */
#include "native.h"

enum { HEADER = 12, RECORD = 12, OPT = 11, TYPE_A = 1, TYPE_AAAA = 28, TYPE_OPT = 41, CLASS_IN = 1, MANY = 64 };
enum { RESPONSE = 0x8000, ASKED = 0xC000 | HEADER };

/* Whether the message ends at *at*, but for one OPT record where there is more. */
static bool ends_there(Span wire, size_t at, unsigned more) {
    if (more == 0) return at == wire.size;
    if (wire.size < at + OPT || wire.at[at] != 0 || big16(wire.at + at + 1) != TYPE_OPT) return false;
    return at + OPT + big16(wire.at + at + OPT - 2) == wire.size;
}

/* The addresses of the answer whose records begin at *at*, each once; their number, 0 where they are none of the plainest
 * shape. */
static size_t addresses_of(Span wire, size_t at, unsigned answers, unsigned more, Span found[MANY], uint32_t *ttl_s) {
    if (answers == 0 || answers > MANY) return 0;
    for (unsigned number = 0; number < answers; number++) {
        const uint8_t *record = wire.at + at;
        if (wire.size < at + RECORD || big16(record) != ASKED || big16(record + 4) != CLASS_IN) return 0;
        unsigned type = big16(record + 2), size = big16(record + 10);
        if (size != (type == TYPE_A ? 4u : type == TYPE_AAAA ? 16u : 0u) || size == 0) return 0;
        if (number > 0 && big32(record + 6) != *ttl_s) return 0;
        if (wire.size < at + RECORD + size) return 0;
        *ttl_s = big32(record + 6);
        found[number] = (Span){record + RECORD, size};
        for (unsigned other = 0; other < number; other++)
            if (found[other].size == size && memcmp(found[other].at, record + RECORD, size) == 0) return 0;
        at += RECORD + size;
    }
    return ends_there(wire, at, more) ? answers : 0;
}

static PyObject *addresses_as_tuple(const Span *found, size_t count) {
    PyObject *addresses = PyTuple_New((Py_ssize_t)count);
    for (size_t number = 0; addresses != NULL && number < count; number++) {
        PyObject *address = bytes_of(found[number]);
        if (address == NULL) Py_CLEAR(addresses);
        else PyTuple_SET_ITEM(addresses, (Py_ssize_t)number, address);
    }
    return addresses;
}

/* Name and type of what is asked for, as ``read_question`` says, with the addresses: None where it is none. */
static PyObject *said(PyObject *asked, PyObject *addresses, uint32_t ttl_s) {
    PyObject *all = NULL;
    if (addresses != NULL && PyTuple_Check(asked) && PyTuple_GET_SIZE(asked) == 2) {
        uint32_t lasting = ttl_s < 1u << 31 ? ttl_s : 0; /* RFC 2181 section 8 */
        all = Py_BuildValue("OOOk", PyTuple_GET_ITEM(asked, 0), PyTuple_GET_ITEM(asked, 1), addresses,
                            (unsigned long)lasting);
    }
    Py_XDECREF(addresses);
    return all;
}

PyObject *lookup_read(Span wire, PyObject *read_question) {
    const uint8_t *zero = wire.size <= HEADER ? NULL : memchr(wire.at + HEADER, 0, wire.size - HEADER);
    size_t end = zero == NULL ? 0 : (size_t)(zero - wire.at) + 5, count = 0;
    if (end == 0 || end > wire.size) Py_RETURN_NONE;
    unsigned answers = big16(wire.at + 6), more = big16(wire.at + 10);
    if (big16(wire.at + 4) != 1 || big16(wire.at + 8) != 0 || more > 1) Py_RETURN_NONE;
    Span found[MANY];
    uint32_t ttl_s = 0;
    bool answer = big16(wire.at + 2) >= RESPONSE;
    if (answer) count = addresses_of(wire, end, answers, more, found, &ttl_s);
    if (answer ? count == 0 : answers != 0 || !ends_there(wire, end, more)) Py_RETURN_NONE;
    PyObject *question = bytes_of((Span){wire.at + HEADER, end - HEADER});
    PyObject *asked = question == NULL ? NULL : PyObject_CallOneArg(read_question, question);
    Py_XDECREF(question);
    if (asked == NULL || asked == Py_None) return asked;
    PyObject *all = said(asked, answer ? addresses_as_tuple(found, count) : Py_NewRef(Py_None), ttl_s);
    Py_DECREF(asked);
    if (all == NULL && !PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a name and a type are needed");
    return all;
}
