/* Fragments of datagrams that come in their order, as nearly all do: held here, without an object each, until they are whole.
 *
 * They are behind all that track/fragments.py has: before that looks at any other, it takes these (``Reassembler.ahead``).
 * So it holds, forgets and says what it would have if it had had them at once (tests/property/test_trains.py). */
#include "trains.h"

#include <structmember.h> /* behind Python.h */

enum { MAX_TRAINS = 64, MAX_PIECES = 48, MAX_COST = 1 << 19, OVERHEAD = 200 }; /* the last: track/fragments.py */
enum { MAX_SIZE = 65535, UDP = 17, FRAGMENTED = 44, HEADER_4 = 20, HEADER_6 = 40, BEHIND_6 = HEADER_6 + 8 };

#define TIMEOUT_NS (30 * (int64_t)1000000000)

struct Train {
    uint8_t addresses[32], size;
    uint32_t identification;
    int64_t time_ns; /* when the first one came */
    PyObject *interface;
    uint8_t *data;
    size_t there, room;
    int pieces;
    uint16_t stops[MAX_PIECES];
};

struct Trains {
    PyObject_HEAD
    PyObject *table;              /* the reassembler's, by key */
    long long bytes, datagrams;   /* so many it has room for */
    size_t count, cost;
    Train *trains[MAX_TRAINS]; /* the oldest first */
};

bool trains_read(Span ip, Fragment *found) {
    const uint8_t *at = ip.at;
    if (at[0] == 0x45 && ip.size > HEADER_4 && at[9] == UDP) {
        unsigned total = big16(at + 2), where = big16(at + 6);
        if (total <= HEADER_4 || total > ip.size) return false;
        *found = (Fragment){{at + 12, 8}, big16(at + 4), (where & 0x1FFFu) * 8, where & 0x2000,
                            {at + HEADER_4, total - HEADER_4}};
    } else if (at[0] >> 4 == 6 && ip.size > BEHIND_6 && at[6] == FRAGMENTED && at[HEADER_6] == UDP) {
        unsigned total = HEADER_6 + big16(at + 4), where = big16(at + HEADER_6 + 2);
        if (total <= BEHIND_6 || total > ip.size) return false;
        *found = (Fragment){{at + 8, 32}, big32(at + HEADER_6 + 4), where & 0xFFF8, where & 1,
                            {at + BEHIND_6, total - BEHIND_6}};
    } else {
        return false;
    }
    return found->offset + found->data.size <= MAX_SIZE && !(found->more && found->data.size % 8 != 0);
}

static size_t find(const Trains *trains, const Fragment *fragment) {
    size_t at = 0;
    for (; at < trains->count; at++) {
        const Train *train = trains->trains[at];
        if (train->identification == fragment->identification && train->size == fragment->addresses.size &&
            memcmp(train->addresses, fragment->addresses.at, train->size) == 0)
            break;
    }
    return at;
}

static size_t cost_of(const Train *train) { return train->there + (size_t)train->pieces * OVERHEAD; }

static void take_out(Trains *trains, size_t at) {
    trains->cost -= cost_of(trains->trains[at]);
    trains->count--;
    memmove(&trains->trains[at], &trains->trains[at + 1], (trains->count - at) * sizeof(Train *));
}

static void put_in(Trains *trains, size_t at, Train *train) {
    memmove(&trains->trains[at + 1], &trains->trains[at], (trains->count - at) * sizeof(Train *));
    trains->trains[at] = train;
    trains->count++;
    trains->cost += cost_of(train);
}

static void release(Train *train) {
    Py_XDECREF(train->interface);
    PyMem_Free(train->data);
    PyMem_Free(train);
}

/* Whether the reassembler has others of that datagram. */
static int is_elsewhere(const Trains *trains, const Fragment *fragment) {
    if (PyDict_GET_SIZE(trains->table) == 0) return NO;
    Py_ssize_t size = (Py_ssize_t)fragment->addresses.size / 2;
    const uint8_t *at = fragment->addresses.at;
    PyObject *key = Py_BuildValue("(y#y#Ii)", at, size, at + size, size, fragment->identification, size == 4 ? UDP : 6);
    int found = key == NULL ? FAILED : PyDict_Contains(trains->table, key);
    Py_XDECREF(key);
    return found;
}

static bool has_room(const Trains *trains, size_t more, size_t another) {
    size_t cost = trains->cost + more + OVERHEAD, count = trains->count + another;
    return cost <= MAX_COST && count <= MAX_TRAINS && (long long)cost <= trains->bytes && (long long)count <= trains->datagrams;
}

/* Append a fragment's bytes to what is there, which is not held at the moment. */
static int append(Train *train, Span data) {
    if (train->there + data.size > train->room) {
        size_t room = train->there + data.size + 4096;
        uint8_t *moved = PyMem_Realloc(train->data, room);
        if (moved == NULL) {
            PyErr_NoMemory();
            return FAILED;
        }
        train->data = moved, train->room = room;
    }
    memcpy(train->data + train->there, data.at, data.size);
    train->there += data.size;
    return YES;
}

static int begin(Trains *trains, const Fragment *fragment, int64_t time_ns, PyObject *interface) {
    if (fragment->offset != 0 || !fragment->more || !has_room(trains, fragment->data.size, 1)) return NO;
    int elsewhere = is_elsewhere(trains, fragment);
    if (elsewhere != NO) return elsewhere == FAILED ? FAILED : NO;
    Train *train = PyMem_Calloc(1, sizeof *train);
    if (train == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    train->size = (uint8_t)fragment->addresses.size;
    memcpy(train->addresses, fragment->addresses.at, train->size);
    train->identification = fragment->identification;
    train->time_ns = time_ns;
    train->interface = Py_NewRef(interface);
    if (append(train, fragment->data) == FAILED) {
        release(train);
        return FAILED;
    }
    train->stops[train->pieces++] = (uint16_t)train->there;
    put_in(trains, trains->count, train);
    return YES;
}

int trains_add(Trains *trains, const Fragment *fragment, int64_t time_ns, PyObject *interface, Whole *whole) {
    size_t at = find(trains, fragment);
    whole->train = NULL;
    if (at == trains->count) return begin(trains, fragment, time_ns, interface);
    Train *train = trains->trains[at];
    if (fragment->offset != train->there || train->time_ns + TIMEOUT_NS <= time_ns) return NO;
    if (fragment->more && (train->pieces == MAX_PIECES || !has_room(trains, fragment->data.size, 0))) return NO;
    take_out(trains, at);
    size_t before = train->there;
    if (append(train, fragment->data) == FAILED) {
        put_in(trains, at, train);
        return FAILED;
    }
    if (!fragment->more) {
        *whole = (Whole){train, at, before, {train->data, train->there}};
        return YES;
    }
    train->stops[train->pieces++] = (uint16_t)train->there;
    put_in(trains, at, train);
    return YES;
}

void trains_settle(Trains *trains, Whole *whole, bool taken) {
    whole->train->there = whole->before;
    if (taken) release(whole->train);
    else put_in(trains, whole->place < trains->count ? whole->place : trains->count, whole->train);
}

static PyObject *as_tuple(const Train *train) {
    Py_ssize_t size = train->size / 2;
    PyObject *stops = PyTuple_New(train->pieces);
    for (int at = 0; stops != NULL && at < train->pieces; at++) {
        PyObject *stop = PyLong_FromLong(train->stops[at]);
        if (stop == NULL) Py_CLEAR(stops);
        else PyTuple_SET_ITEM(stops, at, stop);
    }
    if (stops == NULL) return NULL;
    return Py_BuildValue("(y#y#Iy#NLO)", train->addresses, size, train->addresses + size, size, train->identification,
                         train->data, (Py_ssize_t)train->there, stops, (long long)train->time_ns, train->interface);
}

static PyObject *method_take(Trains *trains, PyObject *Py_UNUSED(none)) {
    PyObject *taken = PyList_New((Py_ssize_t)trains->count);
    for (size_t at = 0; taken != NULL && at < trains->count; at++) {
        PyObject *train = as_tuple(trains->trains[at]);
        if (train == NULL) Py_CLEAR(taken);
        else PyList_SET_ITEM(taken, (Py_ssize_t)at, train);
    }
    if (taken == NULL) return NULL;
    for (size_t at = 0; at < trains->count; at++) release(trains->trains[at]);
    trains->count = trains->cost = 0;
    return taken;
}

static PyObject *method_allow(Trains *trains, PyObject *args) {
    if (!PyArg_ParseTuple(args, "LL:allow", &trains->bytes, &trains->datagrams)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *method_since(Trains *trains, PyObject *Py_UNUSED(none)) {
    if (trains->count == 0) Py_RETURN_NONE;
    return PyLong_FromLongLong(trains->trains[0]->time_ns);
}

static PyObject *trains_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    PyObject *table;
    if (!PyArg_ParseTuple(args, "O!", &PyDict_Type, &table)) return NULL;
    Trains *trains = (Trains *)type->tp_alloc(type, 0);
    if (trains != NULL) trains->table = Py_NewRef(table);
    return (PyObject *)trains;
}

static void trains_dealloc(Trains *trains) {
    PyTypeObject *type = Py_TYPE(trains);
    for (size_t at = 0; at < trains->count; at++) release(trains->trains[at]);
    Py_CLEAR(trains->table);
    type->tp_free(trains);
    Py_DECREF(type);
}

bool is_trains(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)trains_dealloc; }

static Py_ssize_t length(Trains *trains) { return (Py_ssize_t)trains->count; }

static PyMethodDef methods[] = {
    {"take", (PyCFunction)method_take, METH_NOARGS, "As ``egret.track.fragments.Ahead.take``."},
    {"allow", (PyCFunction)method_allow, METH_VARARGS, "As ``egret.track.fragments.Ahead.allow``."},
    {"since", (PyCFunction)method_since, METH_NOARGS, "As ``egret.track.fragments.Ahead.since``."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Trains(table): as ``egret.track.fragments.Ahead``, of the reassembler that has the table."},
    {Py_tp_new, trains_new},
    {Py_tp_dealloc, trains_dealloc},
    {Py_tp_methods, methods},
    {Py_sq_length, length},
    {0},
};

PyType_Spec trains_spec = {"egret.worker._gate.Trains", sizeof(Trains), 0, Py_TPFLAGS_DEFAULT, slots};
