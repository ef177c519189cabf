/* What is known between QUIC clients and servers: the last ones used, by the hashes of their ends. track/pairs.py is
 * the same in Python. */
#include "pairs.h"

enum { ATTEMPT_COST = 200, RUN_COST = 160 /* track/assembly.py */ };

/* What a place holds besides its key and its Pair. */
static void empty(Place *place) {
    PyMem_Free(place->partial);
    place->partial = NULL;
    Py_CLEAR(place->interface);
}

void pairs_remove(Pairs *pairs, Place *place) {
    PyObject *pair = place->pair;
    empty(place);
    lru_remove(&pairs->all, &place->link);
    Py_XDECREF(pair);
}

void pairs_close(Pairs *pairs) {
    for (Place *place = lru_oldest(&pairs->all); place != NULL; place = lru_younger(&pairs->all, &place->link))
        empty(place);
    lru_close(&pairs->all);
    ciphers_close(&pairs->ciphers);
}

long long pairs_cost(const Partial *partial) {
    if (partial == NULL) return ATTEMPT_COST;
    return ATTEMPT_COST + (long long)partial->size + RUN_COST * (long long)partial->count;
}

static PyObject *ids_of(const Place *place) {
    PyObject *ids = PyTuple_New(place->id_count);
    for (Py_ssize_t at = 0; ids != NULL && at < place->id_count; at++) {
        PyObject *id = bytes_of((Span){place->ids[at].at, place->ids[at].size});
        if (id == NULL) Py_CLEAR(ids);
        else PyTuple_SET_ITEM(ids, at, id);
    }
    return ids;
}

static PyObject *runs_of(const Partial *partial) {
    Py_ssize_t count = partial == NULL ? 0 : (Py_ssize_t)partial->count;
    PyObject *runs = PyTuple_New(count);
    const char *data = partial == NULL ? NULL : (const char *)&partial->runs[count];
    for (Py_ssize_t at = 0; runs != NULL && at < count; at++) {
        Run here = partial->runs[at];
        PyObject *run = Py_BuildValue("ky#", (unsigned long)here.offset, data, (Py_ssize_t)here.size);
        data += here.size;
        if (run == NULL) Py_CLEAR(runs);
        else PyTuple_SET_ITEM(runs, at, run);
    }
    return runs;
}

PyObject *pairs_restore(Pairs *pairs, Place *place) {
    if (place->pair != NULL) return place->pair;
    int64_t key = place->link.key;
    PyObject *ids = ids_of(place), *runs = runs_of(place->partial), *pair = NULL;
    if (ids != NULL && runs != NULL)
        pair = PyObject_CallFunction(pairs->restored, "y#Oy#OOOOL", place->ends, (Py_ssize_t)place->ends_size,
                                     place->interface, place->dcid.at, (Py_ssize_t)place->dcid.size,
                                     place->has_token ? Py_True : Py_False,
                                     place->partial == NULL ? Py_True : Py_False, ids, runs, (long long)place->last_ns);
    Py_XDECREF(ids);
    Py_XDECREF(runs);
    place = pair == NULL ? NULL : lru_find(&pairs->all, key); /* Python was called */
    if (place == NULL) {
        Py_XDECREF(pair);
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "what was restored is there no more");
        return NULL;
    }
    empty(place);
    Py_XSETREF(place->pair, pair);
    return pair;
}
