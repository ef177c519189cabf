/* Datagrams that are seen a second time; track/copies.py says how. */
#include "native.h"

#include <structmember.h> /* behind Python.h */

#define GONE INT64_MIN /* the time of an entry that was taken out */

typedef struct {
    uint64_t key; /* 0 where none is */
    int64_t time_ns;
} Sight;

typedef struct {
    Sight *sights;
    size_t count;
} Generation;

struct Copies {
    PyObject_HEAD
    size_t limit, slots; /* slots: a power of two, at least twice the limit */
    uint64_t window_ns;
    Generation young, old;
    Secret secret;
};

/* The place of *key*, or the free one where it would be. */
static Sight *place(const Copies *copies, const Generation *generation, uint64_t key) {
    for (size_t slot = (size_t)key;; slot++) {
        Sight *sight = &generation->sights[slot & (copies->slots - 1)];
        if (sight->key == key || sight->key == 0) return sight;
    }
}

static void turn(Copies *copies) {
    Generation oldest = copies->old;
    copies->old = copies->young;
    memset(oldest.sights, 0, copies->slots * sizeof(Sight));
    copies->young = (Generation){oldest.sights, 0};
}

uint64_t copies_key(const Copies *copies, Span ends, Span wire) {
    uint64_t key = keyed_hash(&copies->secret, ends.at, ends.size, wire.at, wire.size);
    __builtin_prefetch(&copies->young.sights[key & (copies->slots - 1)], 1);
    __builtin_prefetch(&copies->old.sights[key & (copies->slots - 1)], 1);
    return key + (key == 0);
}

bool copies_seen(Copies *copies, uint64_t key, int64_t time_ns) {
    Sight *sight = place(copies, &copies->young, key);
    int64_t before = sight->key ? sight->time_ns : GONE;
    if (sight->key == 0) {
        Sight *older = place(copies, &copies->old, key);
        if (older->key && older->time_ns != GONE) {
            before = older->time_ns;
            older->time_ns = GONE;
            copies->old.count--;
        }
        if (copies->young.count >= copies->limit) {
            turn(copies);
            sight = place(copies, &copies->young, key);
        }
        copies->young.count++;
    }
    *sight = (Sight){key, time_ns};
    if (before == GONE) return false;
    uint64_t apart = time_ns > before ? (uint64_t)time_ns - (uint64_t)before : (uint64_t)before - (uint64_t)time_ns;
    return apart <= copies->window_ns;
}

static PyObject *copies_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    Py_ssize_t limit, secret_size;
    unsigned long long window_ns;
    const char *secret;
    if (!PyArg_ParseTuple(args, "nKy#", &limit, &window_ns, &secret, &secret_size)) return NULL;
    if (limit < 1 || limit > 1 << 24 || secret_size != sizeof(Secret)) {
        PyErr_SetString(PyExc_ValueError, "a limit of 1 to 2**24, and a secret of 16 bytes");
        return NULL;
    }
    Copies *copies = (Copies *)type->tp_alloc(type, 0);
    if (copies == NULL) return NULL;
    memcpy(&copies->secret, secret, sizeof(Secret));
    copies->limit = (size_t)limit;
    copies->window_ns = window_ns;
    for (copies->slots = 2; copies->slots < copies->limit * 2; copies->slots *= 2);
    copies->young.sights = table_memory(copies->slots, sizeof(Sight));
    copies->old.sights = table_memory(copies->slots, sizeof(Sight));
    if (copies->young.sights == NULL || copies->old.sights == NULL) {
        Py_DECREF(copies);
        return NULL;
    }
    return (PyObject *)copies;
}

static void copies_dealloc(Copies *copies) {
    PyTypeObject *type = Py_TYPE(copies);
    table_release(copies->young.sights);
    table_release(copies->old.sights);
    type->tp_free(copies);
    Py_DECREF(type);
}

static PyObject *copies_method_seen(Copies *copies, PyObject *const *args, Py_ssize_t count) {
    int overflow = 0;
    if (count != 3 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1]) || !PyLong_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "seen(ends, wire, time_ns)");
        return NULL;
    }
    long long time_ns = PyLong_AsLongLongAndOverflow(args[2], &overflow);
    if (overflow) time_ns = overflow > 0 ? INT64_MAX : GONE + 1;
    Span ends = {(const uint8_t *)PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0])};
    Span wire = {(const uint8_t *)PyBytes_AS_STRING(args[1]), (size_t)PyBytes_GET_SIZE(args[1])};
    return PyBool_FromLong(copies_seen(copies, copies_key(copies, ends, wire), time_ns));
}

static Py_ssize_t copies_length(Copies *copies) { return (Py_ssize_t)(copies->young.count + copies->old.count); }

static PyMethodDef methods[] = {
    {"seen", (PyCFunction)(void (*)(void))copies_method_seen, METH_FASTCALL, "As ``egret.track.copies.Copies.seen``."},
    {0},
};

static PyMemberDef members[] = {
    {"limit", T_PYSSIZET, offsetof(Copies, limit), READONLY, "Datagrams in one generation."},
    {"window_ns", T_ULONGLONG, offsetof(Copies, window_ns), READONLY, "How long after the last one another is a copy."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.copies.Copies``, keyed with 16 secret bytes."},
    {Py_tp_new, copies_new},
    {Py_tp_dealloc, copies_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, copies_length},
    {0},
};

PyType_Spec copies_spec = {"egret.worker._gate.Copies", sizeof(Copies), 0, Py_TPFLAGS_DEFAULT, slots};
