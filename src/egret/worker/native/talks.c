/* What is known of HTTP connections: the last ones used, by the keys of their clients' directions. track/conversations.py
 * is the same in Python, and worker/requested.py says what passes. The keys are hashes that nobody outside can foresee. */
#include "talks.h"

enum { FIRST_TALKS = 64 };

static uint32_t *bucket_of(const Talks *talks, int64_t key) {
    return &talks->buckets[(uint64_t)key & (talks->room - 1)];
}

Talk *talks_find(const Talks *talks, int64_t key) {
    for (uint32_t at = *bucket_of(talks, key); at != NO_TALK; at = talks->talks[at].next)
        if (talks->talks[at].key == key) return &talks->talks[at];
    return NULL;
}

/* Twice as much room, once all of it is used. */
static int grow(Talks *talks) {
    uint32_t used = talks->room, room = used == 0 ? FIRST_TALKS : used * 2;
    Talk *all = PyMem_Realloc(talks->talks, room * sizeof(Talk));
    if (all != NULL) talks->talks = all;
    uint32_t *buckets = all == NULL ? NULL : PyMem_Realloc(talks->buckets, room * sizeof(uint32_t));
    if (buckets == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    memset(buckets, 0xFF, room * sizeof(uint32_t)); /* NO_TALK */
    talks->buckets = buckets, talks->room = room;
    for (uint32_t at = 0; at < used; at++) {
        uint32_t *bucket = bucket_of(talks, all[at].key);
        all[at].next = *bucket, *bucket = at;
    }
    for (uint32_t at = used; at < room; at++) all[at] = (Talk){.next = at + 1 < room ? at + 1 : NO_TALK};
    talks->free = used;
    return YES;
}

int talks_open(Talks *talks) {
    talks->free = talks->oldest = talks->youngest = NO_TALK;
    return grow(talks);
}

static void make_youngest(Talks *talks, uint32_t number) {
    talks->talks[number].older = talks->youngest, talks->talks[number].younger = NO_TALK;
    if (talks->youngest == NO_TALK) talks->oldest = number;
    else talks->talks[talks->youngest].younger = number;
    talks->youngest = number;
}

static void take_from_order(Talks *talks, const Talk *talk) {
    if (talk->older == NO_TALK) talks->oldest = talk->younger;
    else talks->talks[talk->older].younger = talk->younger;
    if (talk->younger == NO_TALK) talks->youngest = talk->older;
    else talks->talks[talk->younger].older = talk->older;
}

void talks_touch(Talks *talks, Talk *talk) {
    take_from_order(talks, talk);
    make_youngest(talks, (uint32_t)(talk - talks->talks));
}

void talks_remove(Talks *talks, Talk *talk) {
    uint32_t number = (uint32_t)(talk - talks->talks), *link = bucket_of(talks, talk->key);
    while (*link != number) link = &talks->talks[*link].next;
    *link = talk->next;
    take_from_order(talks, talk);
    PyObject *held[] = {talk->interface, talk->host, talk->conversation};
    *talk = (Talk){.next = talks->free};
    talks->free = number;
    talks->count--;
    for (int each = 0; each < 3; each++) Py_XDECREF(held[each]);
}

void talks_close(Talks *talks) {
    while (talks->talks != NULL && talks->oldest != NO_TALK) talks_remove(talks, &talks->talks[talks->oldest]);
    PyMem_Free(talks->talks);
    PyMem_Free(talks->buckets);
}

static int count_eviction(const Talks *talks) {
    PyObject *one = PyLong_FromLong(1), *before = PyObject_GetItem(talks->evictions, talks->name);
    PyObject *now = one == NULL || before == NULL ? NULL : PyNumber_Add(before, one);
    int failed = now == NULL || PyObject_SetItem(talks->evictions, talks->name, now) < 0;
    Py_XDECREF(one);
    Py_XDECREF(before);
    Py_XDECREF(now);
    return failed ? FAILED : YES;
}

/* The oldest one goes; *evicted* is its Conversation, if it was one. */
static int evict(Talks *talks, PyObject **evicted) {
    if (talks->oldest == NO_TALK) return YES;
    if (count_eviction(talks) == FAILED) return FAILED;
    Talk *oldest = &talks->talks[talks->oldest];
    *evicted = Py_XNewRef(oldest->conversation);
    talks_remove(talks, oldest);
    return YES;
}

static int say_dropped(const Talks *talks, PyObject *evicted) {
    if (evicted == NULL) return YES;
    PyObject *said = PyObject_CallOneArg(talks->dropped, evicted);
    Py_DECREF(evicted);
    Py_XDECREF(said);
    return said == NULL ? FAILED : YES;
}

/* An empty talk as the youngest; NULL where there is no memory. *evicted*: who had to go for it. */
static Talk *add(Talks *talks, int64_t key, PyObject **evicted) {
    Talk *before = talks_find(talks, key);
    if (before != NULL) talks_remove(talks, before);
    else if (talks->count >= talks->limit && evict(talks, evicted) == FAILED) return NULL;
    if (talks->free == NO_TALK && grow(talks) == FAILED) return NULL;
    uint32_t number = talks->free, *bucket = bucket_of(talks, key);
    Talk *talk = &talks->talks[number];
    talks->free = talk->next;
    *talk = (Talk){.key = key, .next = *bucket};
    *bucket = number;
    make_youngest(talks, number);
    talks->count++;
    return talk;
}

int talks_put(Talks *talks, int64_t key, PyObject *conversation) {
    PyObject *evicted = NULL;
    Talk *talk = add(talks, key, &evicted);
    if (talk != NULL) talk->conversation = Py_NewRef(conversation);
    int said = say_dropped(talks, evicted);
    return talk == NULL ? FAILED : said;
}

bool talks_is_named(const Talk *talk, Span host) {
    return (size_t)PyBytes_GET_SIZE(talk->host) == host.size &&
           memcmp(PyBytes_AS_STRING(talk->host), host.at, host.size) == 0;
}

int talks_rest(Talks *talks, int64_t key, Span ends, PyObject *interface, uint32_t seq, Span host) {
    PyObject *evicted = NULL, *named = bytes_of(host), *where = Py_NewRef(interface);
    Talk *talk = named == NULL ? NULL : add(talks, key, &evicted);
    if (talk == NULL) {
        Py_XDECREF(named);
        Py_DECREF(where);
    } else {
        talk->seq = seq, talk->ends_size = (uint8_t)ends.size, talk->interface = where, talk->host = named;
        memcpy(talk->ends, ends.at, ends.size);
    }
    int said = say_dropped(talks, evicted);
    return talk == NULL ? FAILED : said;
}

PyObject *talks_restore(Talks *talks, Talk *talk) {
    if (talk->conversation != NULL) return talk->conversation;
    int64_t key = talk->key;
    PyObject *made = PyObject_CallFunction(talks->restored, "y#OkO", talk->ends, (Py_ssize_t)talk->ends_size,
                                           talk->interface, (unsigned long)talk->seq, talk->host);
    talk = made == NULL ? NULL : talks_find(talks, key);
    if (talk == NULL) {
        Py_XDECREF(made);
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "what was restored is there no more");
        return NULL;
    }
    Py_XSETREF(talk->conversation, made);
    Py_CLEAR(talk->host);
    Py_CLEAR(talk->interface);
    return made;
}

int talks_pass(const Talks *talks, Span host, Span ends, bool *ours) {
    int passes = greetings_pass(&talks->greetings, host, ends, ours);
    if (passes != UNKNOWN) return passes;
    PyObject *said = PyObject_CallFunction(talks->passes, "y#y#", host.at, (Py_ssize_t)host.size, ends.at,
                                           (Py_ssize_t)ends.size);
    if (said == NULL) return FAILED;
    Py_DECREF(said);
    passes = greetings_pass(&talks->greetings, host, ends, ours); /* which know it by now */
    return passes == UNKNOWN ? NO : passes;
}
