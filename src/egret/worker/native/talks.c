/* What is known of HTTP connections: the last ones used, by the keys of their clients' directions. track/conversations.py
 * is the same in Python, and worker/requested.py says what passes. */
#include "talks.h"

void talks_remove(Talks *talks, Talk *talk) {
    PyObject *held[] = {talk->interface, talk->host, talk->conversation};
    lru_remove(&talks->all, &talk->link);
    for (int each = 0; each < 3; each++) Py_XDECREF(held[each]);
}

/* The oldest one goes; *evicted* is its Conversation, if it was one. */
static int evict(Talks *talks, PyObject **evicted) {
    if (talks->all.count == 0) return YES;
    if (count_up(talks->evictions, talks->name, 1) == FAILED) return FAILED;
    Talk *oldest = lru_oldest(&talks->all);
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
    else if (talks->all.count >= talks->limit && evict(talks, evicted) == FAILED) return NULL;
    return lru_add(&talks->all, key);
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
    int64_t key = talk->link.key;
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
