/* Answers as they were on the wire, one behind the other, by client; track/waiting.py says how. */
#include "native.h"

#include <structmember.h> /* behind Python.h */

enum { CLIENT_COST = 200, HEAD = 10 /* when it came, and its size */ };

struct Waiting {
    PyObject_HEAD
    PyObject *clients; /* an OrderedDict of bytearrays that nobody else sees */
    Py_ssize_t limit, held, count, dropped;
};

static int append(Waiting *waiting, PyObject *client, int64_t time_ns, Span wire) {
    PyObject *told = PyDict_GetItemWithError(waiting->clients, client);
    if (told == NULL) {
        if (PyErr_Occurred()) return FAILED;
        PyObject *fresh = PyByteArray_FromStringAndSize(NULL, 0);
        int failed = fresh == NULL || PyODict_SetItem(waiting->clients, client, fresh) < 0;
        Py_XDECREF(fresh); /* the dict holds it */
        if (failed) return FAILED;
        waiting->held += CLIENT_COST;
        told = fresh;
    }
    Py_ssize_t size = PyByteArray_GET_SIZE(told);
    if (PyByteArray_Resize(told, size + HEAD + (Py_ssize_t)wire.size) < 0) return FAILED;
    char *at = PyByteArray_AS_STRING(told) + size;
    uint16_t length = (uint16_t)wire.size;
    memcpy(at, &time_ns, sizeof time_ns);
    memcpy(at + sizeof time_ns, &length, sizeof length);
    memcpy(at + HEAD, wire.at, wire.size);
    waiting->held += HEAD + (Py_ssize_t)wire.size;
    waiting->count++;
    return YES;
}

/* What a client was told, taken out: a new reference, NULL where there is nothing. */
static PyObject *take_out(Waiting *waiting, PyObject *client) {
    PyObject *told = PyDict_GetItemWithError(waiting->clients, client);
    if (told == NULL) return NULL;
    Py_INCREF(told);
    if (PyODict_DelItem(waiting->clients, client) < 0) Py_CLEAR(told);
    else waiting->held -= CLIENT_COST + PyByteArray_GET_SIZE(told);
    return told;
}

/* The answer at *at* of what a client was told, its head before its bytes. */
static Span answer_at(PyObject *told, Py_ssize_t at, int64_t *time_ns) {
    const char *head = PyByteArray_AS_STRING(told) + at;
    uint16_t length;
    memcpy(time_ns, head, sizeof *time_ns);
    memcpy(&length, head + sizeof *time_ns, sizeof length);
    return (Span){(const uint8_t *)head + HEAD, length};
}

static Py_ssize_t answers_of(PyObject *told) {
    int64_t time_ns;
    Py_ssize_t answers = 0;
    for (Py_ssize_t at = 0; at < PyByteArray_GET_SIZE(told); answers++)
        at += HEAD + (Py_ssize_t)answer_at(told, at, &time_ns).size;
    return answers;
}

/* The older half goes of what the client was told that waits longest. */
static int make_room(Waiting *waiting) {
    PyObject *order = PyObject_GetIter(waiting->clients);
    PyObject *client = order == NULL ? NULL : PyIter_Next(order);
    Py_XDECREF(order);
    PyObject *told = client == NULL ? NULL : take_out(waiting, client);
    int made = told == NULL ? FAILED : YES;
    if (told != NULL) {
        Py_ssize_t answers = answers_of(told), gone = (answers + 1) / 2, at = 0;
        waiting->count -= answers;
        waiting->dropped += gone;
        for (Py_ssize_t number = 0; number < answers && made != FAILED; number++) {
            int64_t time_ns;
            Span wire = answer_at(told, at, &time_ns);
            at += HEAD + (Py_ssize_t)wire.size;
            if (number >= gone) made = append(waiting, client, time_ns, wire);
        }
    }
    Py_XDECREF(told);
    Py_XDECREF(client);
    if (made == FAILED && !PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "nothing waits, and too much");
    return made;
}

int waiting_add(Waiting *waiting, Span client, int64_t time_ns, Span wire) {
    if (wire.size > UINT16_MAX) return NO; /* no DNS message is that long */
    PyObject *key = PyBytes_FromStringAndSize((const char *)client.at, (Py_ssize_t)client.size);
    int added = key == NULL ? FAILED : append(waiting, key, time_ns, wire);
    Py_XDECREF(key);
    while (added != FAILED && waiting->held > waiting->limit) added = make_room(waiting);
    return added;
}

static PyObject *waiting_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    Py_ssize_t limit;
    if (!PyArg_ParseTuple(args, "n", &limit)) return NULL;
    if (limit < 0) {
        PyErr_SetString(PyExc_ValueError, "a limit of 0 or more");
        return NULL;
    }
    Waiting *waiting = (Waiting *)type->tp_alloc(type, 0);
    if (waiting == NULL) return NULL;
    waiting->limit = limit;
    waiting->clients = PyODict_New();
    if (waiting->clients == NULL) Py_CLEAR(waiting);
    return (PyObject *)waiting;
}

static void waiting_dealloc(Waiting *waiting) {
    PyTypeObject *type = Py_TYPE(waiting);
    Py_CLEAR(waiting->clients);
    type->tp_free(waiting);
    Py_DECREF(type);
}

static PyObject *method_add(Waiting *waiting, PyObject *const *args, Py_ssize_t count) {
    if (count != 3 || !PyBytes_Check(args[0]) || !PyLong_Check(args[1]) || !PyBytes_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "add(client, time_ns, wire)");
        return NULL;
    }
    int overflow = 0;
    long long time_ns = PyLong_AsLongLongAndOverflow(args[1], &overflow);
    if (overflow) time_ns = overflow > 0 ? INT64_MAX : INT64_MIN;
    Span client = {(const uint8_t *)PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0])};
    Span wire = {(const uint8_t *)PyBytes_AS_STRING(args[2]), (size_t)PyBytes_GET_SIZE(args[2])};
    if (waiting_add(waiting, client, time_ns, wire) == FAILED) return NULL;
    Py_RETURN_NONE;
}

static PyObject *method_take(Waiting *waiting, PyObject *client) {
    PyObject *told = take_out(waiting, client);
    PyObject *answers = PyErr_Occurred() ? NULL : PyList_New(0);
    for (Py_ssize_t at = 0; told != NULL && answers != NULL && at < PyByteArray_GET_SIZE(told);) {
        int64_t time_ns;
        Span wire = answer_at(told, at, &time_ns);
        at += HEAD + (Py_ssize_t)wire.size;
        PyObject *answer = Py_BuildValue("Ly#", (long long)time_ns, wire.at, (Py_ssize_t)wire.size);
        if (answer == NULL || PyList_Append(answers, answer) < 0) Py_CLEAR(answers);
        Py_XDECREF(answer);
        waiting->count--;
    }
    Py_XDECREF(told);
    return answers;
}

static PyObject *method_take_dropped(Waiting *waiting, PyObject *Py_UNUSED(none)) {
    PyObject *dropped = PyLong_FromSsize_t(waiting->dropped);
    if (dropped != NULL) waiting->dropped = 0;
    return dropped;
}

static Py_ssize_t waiting_length(Waiting *waiting) { return waiting->count; }

#define METHOD(name, call, kind) {name, (PyCFunction)(void (*)(void))call, kind, "As in ``egret.track.waiting``."}

static PyMethodDef methods[] = {
    METHOD("add", method_add, METH_FASTCALL),
    METHOD("take", method_take, METH_O),
    METHOD("take_dropped", method_take_dropped, METH_NOARGS),
    {0},
};

static PyMemberDef members[] = {
    {"limit", T_PYSSIZET, offsetof(Waiting, limit), READONLY, "Bytes in all."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.waiting.Waiting``."},
    {Py_tp_new, waiting_new},
    {Py_tp_dealloc, waiting_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, waiting_length},
    {0},
};

PyType_Spec waiting_spec = {"egret.worker._gate.Waiting", sizeof(Waiting), 0, Py_TPFLAGS_DEFAULT, slots};
