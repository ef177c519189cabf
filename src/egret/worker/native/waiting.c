/* Answers as they were on the wire, one behind the other, by client; track/waiting.py says how. */
#include "lru.h"
#include "rope.h"

#include <structmember.h> /* behind Python.h */

enum { CLIENT_COST = 200, HEAD = 10 /* when it came, and its size */, ADDRESS_MAX = 16 };
enum { HEADER = 12, TYPE_HTTPS = 65 };

/* Heads and answers, one behind the other; as far as *scanned* they were looked through for what tells of services. */
typedef struct {
    Rope rope;
    Place scanned;
    size_t scanned_size;
    Py_ssize_t answers;
} Told;

typedef struct {
    Link link; /* by when they began to wait; its key is the hash of: */
    uint8_t address[ADDRESS_MAX];
    uint8_t size; /* of the address */
    Told told;
} Client;

struct Waiting {
    PyObject_HEAD
    Lru all;
    Blocks blocks;
    Py_ssize_t limit, held, count, dropped;
};

static Client *find(const Waiting *waiting, Span address, int64_t hash) {
    Client *client = lru_find(&waiting->all, hash);
    while (client != NULL && (client->size != address.size || memcmp(client->address, address.at, address.size) != 0))
        client = lru_find_next(&waiting->all, &client->link);
    return client;
}

/* A client that nothing was kept of, as the youngest; NULL if there is no memory. */
static Client *begin(Waiting *waiting, Span address, int64_t hash) {
    Client *client = lru_add(&waiting->all, hash);
    if (client == NULL) return NULL;
    client->size = (uint8_t)address.size;
    memcpy(client->address, address.at, address.size);
    waiting->held += CLIENT_COST;
    return client;
}

/* What a client was told, which is the caller's to drop; nothing is kept of the client. */
static Told take_out(Waiting *waiting, Client *client) {
    lru_remove(&waiting->all, &client->link);
    Told told = client->told;
    client->told = (Told){0};
    waiting->held -= CLIENT_COST + (Py_ssize_t)told.rope.size;
    return told;
}

static int append(Waiting *waiting, Span address, int64_t time_ns, Span wire) {
    int64_t hash = hash_of(address);
    Client *client = find(waiting, address, hash);
    if (client == NULL && (client = begin(waiting, address, hash)) == NULL) return FAILED;
    Told *told = &client->told;
    if (rope_make_room(&waiting->blocks, &told->rope, HEAD + wire.size) == FAILED) return FAILED;
    uint8_t head[HEAD];
    uint16_t length = (uint16_t)wire.size;
    memcpy(head, &time_ns, sizeof time_ns);
    memcpy(head + sizeof time_ns, &length, sizeof length);
    rope_add(&waiting->blocks, &told->rope, head, HEAD);
    rope_add(&waiting->blocks, &told->rope, wire.at, wire.size);
    told->answers++;
    waiting->held += HEAD + (Py_ssize_t)wire.size;
    waiting->count++;
    return YES;
}

/* The size of the answer at *place*, which is behind its head then. */
static size_t head_at(const Waiting *waiting, Place *place, int64_t *time_ns) {
    uint8_t head[HEAD];
    uint16_t length;
    rope_read(&waiting->blocks, place, head, HEAD);
    memcpy(time_ns, head, sizeof *time_ns);
    memcpy(&length, head + sizeof *time_ns, sizeof length);
    return length;
}

/* The older *many* answers go. */
static void drop_oldest(Waiting *waiting, Told *told, Py_ssize_t many) {
    Place place = told->rope.first;
    size_t gone = 0;
    int64_t time_ns;
    for (Py_ssize_t number = 0; number < many; number++) {
        size_t size = head_at(waiting, &place, &time_ns);
        rope_read(&waiting->blocks, &place, NULL, size);
        gone += HEAD + size;
    }
    rope_drop(&waiting->blocks, &told->rope, gone);
    told->answers -= many;
}

/* Whether an answer is to a question for HTTPS records: its type is behind the first zero byte. */
static bool is_for_service(Span wire) {
    const uint8_t *zero = wire.size > HEADER ? memchr(wire.at + HEADER, 0, wire.size - HEADER) : NULL;
    return zero != NULL && wire.at + wire.size - zero > 2 && big16(zero + 1) == TYPE_HTTPS;
}

/* The older half goes of what the client was told that waits longest; the rest waits anew. */
static int make_room(Waiting *waiting) {
    Client *oldest = lru_oldest(&waiting->all);
    if (oldest == NULL) {
        PyErr_SetString(PyExc_SystemError, "nothing waits, and too much");
        return FAILED;
    }
    Client client = *oldest;
    Told told = take_out(waiting, oldest);
    Py_ssize_t gone = told.answers - told.answers / 2;
    drop_oldest(waiting, &told, gone);
    waiting->dropped += gone;
    waiting->count -= gone;
    if (told.answers == 0) return YES;
    Span address = {client.address, client.size};
    Client *again = begin(waiting, address, hash_of(address));
    if (again == NULL) {
        waiting->count -= told.answers;
        rope_drop(&waiting->blocks, &told.rope, told.rope.size);
        return FAILED;
    }
    again->told = (Told){.rope = told.rope, .answers = told.answers};
    waiting->held += (Py_ssize_t)told.rope.size;
    return YES;
}

int waiting_add(Waiting *waiting, Span client, int64_t time_ns, Span wire) {
    if (wire.size > UINT16_MAX || client.size > ADDRESS_MAX) return NO; /* no DNS message is that long, no address */
    int added = append(waiting, client, time_ns, wire);
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
    if (lru_open(&waiting->all, sizeof(Client)) == FAILED) Py_CLEAR(waiting);
    return (PyObject *)waiting;
}

static void waiting_dealloc(Waiting *waiting) {
    PyTypeObject *type = Py_TYPE(waiting);
    blocks_close(&waiting->blocks);
    lru_close(&waiting->all);
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

static Client *find_bytes(const Waiting *waiting, PyObject *address) {
    Span bytes = {(const uint8_t *)PyBytes_AS_STRING(address), (size_t)PyBytes_GET_SIZE(address)};
    return find(waiting, bytes, hash_of(bytes));
}

/* Put an answer to others; its bytes are at *place*. */
static int list_answer(const Waiting *waiting, PyObject *answers, Place place, int64_t time_ns, size_t size) {
    PyObject *wire = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (wire == NULL) return FAILED;
    rope_read(&waiting->blocks, &place, PyBytes_AS_STRING(wire), size);
    PyObject *answer = Py_BuildValue("LN", (long long)time_ns, wire);
    int added = answer == NULL ? FAILED : PyList_Append(answers, answer);
    Py_XDECREF(answer);
    return added < 0 ? FAILED : YES;
}

static PyObject *method_take(Waiting *waiting, PyObject *address) {
    if (!PyBytes_Check(address)) return PyErr_Format(PyExc_TypeError, "take(client: bytes)");
    Client *client = find_bytes(waiting, address);
    PyObject *answers = PyList_New(0);
    if (client == NULL || answers == NULL) return answers;
    Told told = take_out(waiting, client);
    Place place = told.rope.first;
    int listed = YES;
    for (Py_ssize_t number = 0; listed == YES && number < told.answers; number++) {
        int64_t time_ns;
        size_t size = head_at(waiting, &place, &time_ns);
        listed = list_answer(waiting, answers, place, time_ns, size);
        rope_read(&waiting->blocks, &place, NULL, size);
    }
    waiting->count -= told.answers;
    rope_drop(&waiting->blocks, &told.rope, told.rope.size);
    if (listed == FAILED) Py_CLEAR(answers);
    return answers;
}

static PyObject *method_services(Waiting *waiting, PyObject *address) {
    if (!PyBytes_Check(address)) return PyErr_Format(PyExc_TypeError, "services(client: bytes)");
    Client *client = find_bytes(waiting, address);
    PyObject *answers = PyList_New(0);
    if (client == NULL || answers == NULL) return answers;
    Told *told = &client->told;
    Place place = told->scanned_size == 0 ? told->rope.first : told->scanned;
    int listed = YES;
    while (listed == YES && told->scanned_size < told->rope.size) {
        uint8_t wire[UINT16_MAX];
        int64_t time_ns;
        size_t size = head_at(waiting, &place, &time_ns);
        Place start = place;
        rope_read(&waiting->blocks, &place, wire, size);
        told->scanned = place, told->scanned_size += HEAD + size;
        if (is_for_service((Span){wire, size})) listed = list_answer(waiting, answers, start, time_ns, size);
    }
    if (listed == FAILED) Py_CLEAR(answers);
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
    METHOD("services", method_services, METH_O),
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
