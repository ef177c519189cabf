/* Answers as they were on the wire, one behind the other, by client; track/waiting.py says how. */
#include "lru.h"

#include <structmember.h> /* behind Python.h */

enum { CLIENT_COST = 200, HEAD = 10 /* when it came, and its size */, ADDRESS_MAX = 16 };
enum { HEADER = 12, TYPE_HTTPS = 65 };

/* Heads and answers; those before *scanned* were looked through for what tells of services. */
typedef struct {
    uint8_t *at;
    size_t size, room, scanned;
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

/* What a client was told, which is the caller's to free; nothing is kept of the client. */
static Told take_out(Waiting *waiting, Client *client) {
    lru_remove(&waiting->all, &client->link);
    Told told = client->told;
    client->told = (Told){0};
    waiting->held -= CLIENT_COST + (Py_ssize_t)told.size;
    return told;
}

/* Room for *more* bytes, and some that others will need. */
static int make_wider(Told *told, size_t more) {
    size_t room = told->size + more + told->size / 2; /* a quarter copied five bytes for each that came, and half three */
    uint8_t *at = PyMem_Realloc(told->at, room);
    if (at == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    told->at = at, told->room = room;
    return YES;
}

static int append(Waiting *waiting, Span address, int64_t time_ns, Span wire) {
    int64_t hash = hash_of(address);
    Client *client = find(waiting, address, hash);
    if (client == NULL && (client = begin(waiting, address, hash)) == NULL) return FAILED;
    Told *told = &client->told;
    if (told->room - told->size < HEAD + wire.size && make_wider(told, HEAD + wire.size) == FAILED) return FAILED;
    uint8_t *at = told->at + told->size;
    uint16_t length = (uint16_t)wire.size;
    memcpy(at, &time_ns, sizeof time_ns);
    memcpy(at + sizeof time_ns, &length, sizeof length);
    memcpy(at + HEAD, wire.at, wire.size);
    told->size += HEAD + wire.size;
    waiting->held += HEAD + (Py_ssize_t)wire.size;
    waiting->count++;
    return YES;
}

/* The answer at *at* of what a client was told, its head before its bytes. */
static Span answer_at(const Told *told, size_t at, int64_t *time_ns) {
    const uint8_t *head = told->at + at;
    uint16_t length;
    memcpy(time_ns, head, sizeof *time_ns);
    memcpy(&length, head + sizeof *time_ns, sizeof length);
    return (Span){head + HEAD, length};
}

/* Whether an answer is to a question for HTTPS records: its type is behind the first zero byte. */
static bool is_for_service(Span wire) {
    const uint8_t *zero = wire.size > HEADER ? memchr(wire.at + HEADER, 0, wire.size - HEADER) : NULL;
    return zero != NULL && wire.at + wire.size - zero > 2 && big16(zero + 1) == TYPE_HTTPS;
}

static Py_ssize_t answers_of(const Told *told) {
    int64_t time_ns;
    Py_ssize_t answers = 0;
    for (size_t at = 0; at < told->size; answers++) at += HEAD + answer_at(told, at, &time_ns).size;
    return answers;
}

/* Where the older half of the answers ends, and how many are in each. */
static size_t middle_of(const Told *told, Py_ssize_t *older, Py_ssize_t *younger) {
    Py_ssize_t answers = answers_of(told);
    size_t at = 0;
    int64_t time_ns;
    *younger = answers / 2, *older = answers - *younger;
    for (Py_ssize_t number = 0; number < *older; number++) at += HEAD + answer_at(told, at, &time_ns).size;
    return at;
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
    Py_ssize_t gone, left;
    size_t middle = middle_of(&told, &gone, &left);
    Span address = {client.address, client.size};
    Client *again = left > 0 ? begin(waiting, address, hash_of(address)) : NULL;
    waiting->dropped += gone;
    waiting->count -= again != NULL ? gone : gone + left;
    if (again == NULL) {
        PyMem_Free(told.at);
        return left > 0 ? FAILED : YES;
    }
    again->told = (Told){.at = told.at, .size = told.size - middle};
    memmove(told.at, told.at + middle, again->told.size);
    waiting->held += (Py_ssize_t)again->told.size;
    return make_wider(&again->told, 0); /* than that; narrower than it was */
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
    for (Client *client = lru_oldest(&waiting->all); client != NULL; client = lru_younger(&waiting->all, &client->link))
        PyMem_Free(client->told.at);
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

static PyObject *method_take(Waiting *waiting, PyObject *address) {
    if (!PyBytes_Check(address)) return PyErr_Format(PyExc_TypeError, "take(client: bytes)");
    Client *client = find_bytes(waiting, address);
    PyObject *answers = PyList_New(0);
    if (client == NULL || answers == NULL) return answers;
    Told told = take_out(waiting, client);
    for (size_t at = 0; at < told.size;) {
        int64_t time_ns;
        Span wire = answer_at(&told, at, &time_ns);
        at += HEAD + wire.size;
        waiting->count--;
        if (answers == NULL) continue;
        PyObject *answer = Py_BuildValue("Ly#", (long long)time_ns, wire.at, (Py_ssize_t)wire.size);
        if (answer == NULL || PyList_Append(answers, answer) < 0) Py_CLEAR(answers);
        Py_XDECREF(answer);
    }
    PyMem_Free(told.at);
    return answers;
}

static PyObject *method_services(Waiting *waiting, PyObject *address) {
    if (!PyBytes_Check(address)) return PyErr_Format(PyExc_TypeError, "services(client: bytes)");
    Client *client = find_bytes(waiting, address);
    PyObject *answers = PyList_New(0);
    if (client == NULL || answers == NULL) return answers;
    while (client->told.scanned < client->told.size) {
        int64_t time_ns;
        Span wire = answer_at(&client->told, client->told.scanned, &time_ns);
        client->told.scanned += HEAD + wire.size;
        if (!is_for_service(wire)) continue;
        PyObject *answer = Py_BuildValue("Ly#", (long long)time_ns, wire.at, (Py_ssize_t)wire.size);
        int added = answer == NULL ? FAILED : PyList_Append(answers, answer);
        Py_XDECREF(answer);
        if (added < 0) {
            Py_DECREF(answers);
            return NULL;
        }
    }
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
