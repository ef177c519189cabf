/* What Python sees of pairs.c: track/pairs.py, PairTable. */
#include "pairs.h"

#include <structmember.h> /* behind Python.h */

/* A time, or the nearest one that there is. */
static int read_time(PyObject *from, int64_t *time_ns) {
    int overflow = 0;
    *time_ns = from == NULL ? -1 : PyLong_AsLongLongAndOverflow(from, &overflow);
    if (overflow != 0) *time_ns = overflow > 0 ? INT64_MAX : INT64_MIN;
    return PyErr_Occurred() ? FAILED : YES;
}

static int last_used(const Place *place, int64_t *time_ns) {
    *time_ns = place->last_ns;
    if (place->pair == NULL) return YES;
    PyObject *said = PyObject_GetAttrString(place->pair, "last_ns");
    int read = read_time(said, time_ns);
    Py_XDECREF(said);
    return read;
}

/* The place of a key; FAILED: it is none. */
static int find(const Pairs *pairs, PyObject *key, Place **place) {
    int64_t number = PyLong_AsLongLong(key);
    if (number == -1 && PyErr_Occurred()) return FAILED;
    *place = lru_find(&pairs->all, number);
    return *place != NULL;
}

static PyObject *pair_at(Pairs *pairs, Place *place) {
    return Py_XNewRef(pairs_restore(pairs, place));
}

static PyObject *method_get(Pairs *pairs, PyObject *key) {
    Place *place;
    int found = find(pairs, key, &place);
    if (found == FAILED) return NULL;
    return found == YES ? pair_at(pairs, place) : Py_NewRef(Py_None);
}

static PyObject *method_touch(Pairs *pairs, PyObject *key) {
    Place *place;
    int found = find(pairs, key, &place);
    if (found == NO) PyErr_SetObject(PyExc_KeyError, key);
    if (found != YES) return NULL;
    lru_touch(&pairs->all, &place->link);
    Py_RETURN_NONE;
}

static PyObject *method_pop(Pairs *pairs, PyObject *key) {
    Place *place;
    int found = find(pairs, key, &place);
    if (found == FAILED) return NULL;
    if (found == YES) pairs_remove(pairs, place);
    Py_RETURN_NONE;
}

static PyObject *method_oldest(Pairs *pairs, PyObject *Py_UNUSED(none)) {
    Place *oldest = lru_oldest(&pairs->all);
    return oldest == NULL ? Py_NewRef(Py_None) : pair_at(pairs, oldest);
}

static PyObject *method_evict(Pairs *pairs, PyObject *none) {
    PyObject *pair = method_oldest(pairs, none);
    if (pair == NULL || pairs->all.count == 0) return pair;
    if (count_up(pairs->evictions, pairs->name, 1) == FAILED) Py_CLEAR(pair);
    else pairs_remove(pairs, lru_oldest(&pairs->all));
    return pair;
}

static PyObject *method_put(Pairs *pairs, PyObject *const *args, Py_ssize_t count) {
    Place *place;
    if (count != 2) return PyErr_Format(PyExc_TypeError, "put(key, pair)");
    int found = find(pairs, args[0], &place);
    if (found == FAILED) return NULL;
    if (found == YES) pairs_remove(pairs, place);
    PyObject *evicted = pairs->all.count >= pairs->limit ? method_evict(pairs, NULL) : Py_NewRef(Py_None);
    place = evicted == NULL ? NULL : lru_add(&pairs->all, PyLong_AsLongLong(args[0]));
    if (place == NULL) Py_CLEAR(evicted);
    else place->pair = Py_NewRef(args[1]);
    return evicted;
}

/* Take one of those that are not used any more: into *pairs*, or out of the table. */
static int take_unused(Pairs *pairs, Place *place, int64_t silent_ns, PyObject *unused) {
    if (place->pair == NULL && place->partial == NULL) {
        if (place->last_ns > silent_ns) return YES;
        pairs->held -= pairs_cost(NULL);
        pairs_remove(pairs, place);
        return YES;
    }
    PyObject *pair = pair_at(pairs, place);
    int failed = pair == NULL || PyList_Append(unused, pair) < 0;
    Py_XDECREF(pair);
    return failed ? FAILED : YES;
}

static PyObject *method_unused_since(Pairs *pairs, PyObject *const *args, Py_ssize_t count) {
    int64_t time_ns, silent_ns, last_ns;
    if (count != 2) return PyErr_Format(PyExc_TypeError, "unused_since(time_ns, silent_ns)");
    if (read_time(args[0], &time_ns) == FAILED || read_time(args[1], &silent_ns) == FAILED) return NULL;
    PyObject *unused = PyList_New(0);
    for (Place *place = lru_oldest(&pairs->all), *next; unused != NULL && place != NULL; place = next) {
        next = lru_younger(&pairs->all, &place->link);
        int read = last_used(place, &last_ns);
        if (read == YES && last_ns > time_ns) break;
        if (read == FAILED || take_unused(pairs, place, silent_ns, unused) == FAILED) Py_CLEAR(unused);
    }
    return unused;
}

static PyObject *method_set_back(Pairs *pairs, PyObject *time) {
    int64_t time_ns, last_ns;
    if (read_time(time, &time_ns) == FAILED) return NULL;
    for (Place *place = lru_oldest(&pairs->all); place != NULL; place = lru_younger(&pairs->all, &place->link)) {
        if (last_used(place, &last_ns) == FAILED) return NULL;
        if (last_ns <= time_ns) continue;
        if (place->pair == NULL) place->last_ns = time_ns;
        else if (PyObject_SetAttrString(place->pair, "last_ns", time) < 0) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_take_counts(Pairs *pairs, PyObject *Py_UNUSED(none)) {
    PyObject *counts = Py_BuildValue("LL", pairs->names, pairs->connections);
    if (counts != NULL) pairs->names = pairs->connections = 0;
    return counts;
}

static PyObject *pairs_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    static char *known[] = {"name",  "limit",   "most",    "evictions", "restored", "told",
                            "hosts", "clients", "servers", "watched",   NULL};
    Greetings greetings = {0};
    PyObject *name, *evictions, *restored, *told;
    Py_ssize_t limit, most;
    if (!PyArg_ParseTupleAndKeywords(args, names, "$UnnOOOOOOO", known, &name, &limit, &most, &evictions, &restored,
                                     &told, &greetings.hosts, &greetings.clients, &greetings.servers,
                                     &greetings.watched))
        return NULL;
    if (limit < 0 || limit >= NO_LINK || !greetings_fit(&greetings)) {
        PyErr_SetString(PyExc_TypeError, "a limit, and truths of this module");
        return NULL;
    }
    Pairs *pairs = (Pairs *)type->tp_alloc(type, 0);
    if (pairs == NULL) return NULL;
    greetings_hold(&greetings);
    pairs->greetings = greetings;
    pairs->name = Py_NewRef(name), pairs->evictions = Py_NewRef(evictions);
    pairs->restored = Py_NewRef(restored), pairs->told = Py_NewRef(told);
    pairs->limit = (uint32_t)limit, pairs->most = most;
    int opened = lru_open(&pairs->all, sizeof(Place));
    if (opened == YES && !ciphers_open(&pairs->ciphers)) {
        PyErr_SetString(PyExc_NotImplementedError, "Python does not hash with an OpenSSL that has what is needed");
        opened = FAILED;
    }
    if (opened == FAILED) Py_CLEAR(pairs);
    return (PyObject *)pairs;
}

static int pairs_traverse(Pairs *pairs, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(pairs));
    Py_VISIT(pairs->evictions);
    Py_VISIT(pairs->restored);
    Py_VISIT(pairs->told);
    for (Place *place = lru_oldest(&pairs->all); place != NULL; place = lru_younger(&pairs->all, &place->link))
        Py_VISIT(place->pair);
    return greetings_visit(&pairs->greetings, visit, arg);
}

static int pairs_clear(Pairs *pairs) {
    Py_CLEAR(pairs->evictions);
    Py_CLEAR(pairs->restored);
    Py_CLEAR(pairs->told);
    for (Place *place = lru_oldest(&pairs->all); place != NULL; place = lru_younger(&pairs->all, &place->link))
        Py_CLEAR(place->pair);
    greetings_clear(&pairs->greetings);
    return 0;
}

static void pairs_dealloc(Pairs *pairs) {
    PyTypeObject *type = Py_TYPE(pairs);
    PyObject_GC_UnTrack(pairs);
    pairs_clear(pairs);
    Py_CLEAR(pairs->name);
    pairs_close(pairs);
    type->tp_free(pairs);
    Py_DECREF(type);
}

bool is_pairs(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)pairs_dealloc; }

static Py_ssize_t pairs_length(Pairs *pairs) { return (Py_ssize_t)pairs->all.count; }

#define METHOD(name, call, kind) {name, (PyCFunction)(void (*)(void))call, kind, "As in ``egret.track.pairs``."}

static PyMethodDef methods[] = {
    METHOD("get", method_get, METH_O),
    METHOD("touch", method_touch, METH_O),
    METHOD("put", method_put, METH_FASTCALL),
    METHOD("evict", method_evict, METH_NOARGS),
    METHOD("pop", method_pop, METH_O),
    METHOD("oldest", method_oldest, METH_NOARGS),
    METHOD("unused_since", method_unused_since, METH_FASTCALL),
    METHOD("set_back", method_set_back, METH_O),
    {"take_counts", (PyCFunction)method_take_counts, METH_NOARGS, "Names and connections counted since the last time."},
    {0},
};

static PyMemberDef members[] = {
    {"held", T_LONGLONG, offsetof(Pairs, held), 0, "Bytes of memory that all attempts take."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.pairs.PairTable``."},
    {Py_tp_new, pairs_new},
    {Py_tp_dealloc, pairs_dealloc},
    {Py_tp_traverse, pairs_traverse},
    {Py_tp_clear, pairs_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, pairs_length},
    {0},
};

PyType_Spec pairs_spec = {"egret.worker._gate.Pairs", sizeof(Pairs), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
