/* talks.c, and its type: HTTP connections whose later requests are looked at. */
#ifndef EGRET_TALKS_H
#define EGRET_TALKS_H

#include "greetings.h"
#include "lru.h"

/* One client's direction: a Conversation of Python's, or where the next request begins and what the last one named. */
typedef struct {
    Link link;
    uint32_t seq;
    uint8_t ends[ENDS_MAX], ends_size;
    PyObject *interface, *host; /* host: bytes */
    PyObject *conversation;     /* then nothing else is kept but the key */
} Talk;

typedef struct {
    PyObject_HEAD
    PyObject *name, *evictions; /* where they are counted */
    PyObject *restored;         /* (ends, interface, seq, host) -> a Conversation: track/requests.py */
    PyObject *dropped;          /* called with one that had to go */
    PyObject *passes;           /* (host, ends) -> what the greetings do not know: worker/requested.py */
    Greetings greetings;
    long long names, connections; /* counted and not settled */
    Lru all;
    uint32_t limit; /* of talks */
} Talks;

extern PyType_Spec talks_spec;
bool is_talks(PyObject *object);

static inline Talk *talks_find(const Talks *talks, int64_t key) { return lru_find(&talks->all, key); }
void talks_remove(Talks *talks, Talk *talk);
PyObject *talks_restore(Talks *talks, Talk *talk); /* borrowed; its Conversation, which it is from now on */
bool talks_is_named(const Talk *talk, Span host); /* of one at rest: whether its last request did */
int talks_put(Talks *talks, int64_t key, PyObject *conversation);

/* Keep of a direction no more than this, as the youngest. Python may be called. */
int talks_rest(Talks *talks, int64_t key, Span ends, PyObject *interface, uint32_t seq, Span host);

/* Whether nothing need be told of a request; *ours*: whether its client is. Python may be called. */
int talks_pass(const Talks *talks, Span host, Span ends, bool *ours);

#endif
