/* What is known between QUIC clients and servers: the last ones used, by the hashes of their ends. track/pairs.py is
 * the same in Python; those keys are hashes that nobody outside can foresee, so they say themselves where they lie. */
#include "pairs.h"

enum { FIRST_PLACES = 64, ATTEMPT_COST = 200, RUN_COST = 160 /* track/assembly.py */ };

static uint32_t *bucket_of(const Pairs *pairs, int64_t key) {
    return &pairs->buckets[(uint64_t)key & (pairs->room - 1)];
}

Place *pairs_find(const Pairs *pairs, int64_t key) {
    for (uint32_t at = *bucket_of(pairs, key); at != NONE; at = pairs->places[at].next)
        if (pairs->places[at].key == key) return &pairs->places[at];
    return NULL;
}

/* Twice as much room, once all of it is used. */
static int grow(Pairs *pairs) {
    uint32_t used = pairs->room, room = used == 0 ? FIRST_PLACES : used * 2;
    Place *places = PyMem_Realloc(pairs->places, room * sizeof(Place));
    if (places != NULL) pairs->places = places;
    uint32_t *buckets = places == NULL ? NULL : PyMem_Realloc(pairs->buckets, room * sizeof(uint32_t));
    if (buckets == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    memset(buckets, 0xFF, room * sizeof(uint32_t)); /* NONE */
    pairs->buckets = buckets, pairs->room = room;
    for (uint32_t at = 0; at < used; at++) {
        uint32_t *bucket = bucket_of(pairs, places[at].key);
        places[at].next = *bucket, *bucket = at;
    }
    for (uint32_t at = used; at < room; at++) places[at] = (Place){.next = at + 1 < room ? at + 1 : NONE};
    pairs->free = used;
    return YES;
}

int pairs_open(Pairs *pairs) {
    pairs->free = pairs->oldest = pairs->youngest = NONE;
    return grow(pairs);
}

static void make_youngest(Pairs *pairs, uint32_t number) {
    pairs->places[number].older = pairs->youngest, pairs->places[number].younger = NONE;
    if (pairs->youngest == NONE) pairs->oldest = number;
    else pairs->places[pairs->youngest].younger = number;
    pairs->youngest = number;
}

static void take_from_order(Pairs *pairs, const Place *place) {
    if (place->older == NONE) pairs->oldest = place->younger;
    else pairs->places[place->older].younger = place->younger;
    if (place->younger == NONE) pairs->youngest = place->older;
    else pairs->places[place->younger].older = place->older;
}

Place *pairs_add(Pairs *pairs, int64_t key) {
    if (pairs->free == NONE && grow(pairs) == FAILED) return NULL;
    uint32_t number = pairs->free, *bucket = bucket_of(pairs, key);
    Place *place = &pairs->places[number];
    pairs->free = place->next;
    *place = (Place){.key = key, .next = *bucket};
    *bucket = number;
    make_youngest(pairs, number);
    pairs->count++;
    return place;
}

void pairs_touch(Pairs *pairs, Place *place) {
    take_from_order(pairs, place);
    make_youngest(pairs, (uint32_t)(place - pairs->places));
}

/* What a place holds besides its key. */
static void empty(Place *place) {
    PyMem_Free(place->partial);
    place->partial = NULL;
    Py_CLEAR(place->interface);
}

void pairs_remove(Pairs *pairs, Place *place) {
    uint32_t number = (uint32_t)(place - pairs->places), *link = bucket_of(pairs, place->key);
    while (*link != number) link = &pairs->places[*link].next;
    *link = place->next;
    take_from_order(pairs, place);
    place->next = pairs->free;
    pairs->free = number;
    pairs->count--;
    empty(place);
    Py_CLEAR(place->pair);
}

void pairs_close(Pairs *pairs) {
    for (uint32_t at = pairs->oldest; at != NONE; at = pairs->places[at].younger) empty(&pairs->places[at]);
    PyMem_Free(pairs->places);
    PyMem_Free(pairs->buckets);
    ciphers_close(&pairs->ciphers);
}

int pairs_count_eviction(const Pairs *pairs) {
    PyObject *one = PyLong_FromLong(1), *before = PyObject_GetItem(pairs->evictions, pairs->name);
    PyObject *now = one == NULL || before == NULL ? NULL : PyNumber_Add(before, one);
    int failed = now == NULL || PyObject_SetItem(pairs->evictions, pairs->name, now) < 0;
    Py_XDECREF(one);
    Py_XDECREF(before);
    Py_XDECREF(now);
    return failed ? FAILED : YES;
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

int pairs_restore(Pairs *pairs, Place *place) {
    if (place->pair != NULL) return YES;
    uint32_t number = (uint32_t)(place - pairs->places);
    PyObject *ids = ids_of(place), *runs = runs_of(place->partial), *pair = NULL;
    if (ids != NULL && runs != NULL)
        pair = PyObject_CallFunction(pairs->restored, "y#Oy#OOOOL", place->ends, (Py_ssize_t)place->ends_size,
                                     place->interface, place->dcid.at, (Py_ssize_t)place->dcid.size,
                                     place->has_token ? Py_True : Py_False,
                                     place->partial == NULL ? Py_True : Py_False, ids, runs, (long long)place->last_ns);
    Py_XDECREF(ids);
    Py_XDECREF(runs);
    if (pair == NULL) return FAILED;
    place = &pairs->places[number];
    empty(place);
    place->pair = pair;
    return YES;
}
