/* pairs.c, its type, and openings.c: what is known between QUIC clients and servers. */
#ifndef EGRET_PAIRS_H
#define EGRET_PAIRS_H

#include "ciphers.h"
#include "greetings.h"
#include "initials.h"
#include "lru.h"

enum { MAX_IDS = 2 }; /* that a server chose, one after the other; a Pair has room for more */

typedef struct {
    uint8_t size, at[MAX_CID];
} Cid;

static inline bool cid_is(const Cid *cid, Span bytes) {
    return cid->size == bytes.size && memcmp(cid->at, bytes.at, bytes.size) == 0;
}

typedef struct {
    uint32_t offset, size;
} Run;

/* Of a hello what is here, in runs without a hole. */
typedef struct {
    Keys keys;
    uint32_t size, count; /* of bytes, of runs */
    Run runs[];           /* the bytes behind them */
} Partial;

/* A client and a server: a Pair of Python's, or one attempt of version 1 as a few bytes. */
typedef struct {
    Link link;
    int64_t last_ns;
    uint8_t ends[ENDS_MAX], ends_size, id_count;
    bool has_token;
    Cid dcid, ids[MAX_IDS];
    PyObject *interface;
    Partial *partial;   /* NULL where its hello was counted */
    PyObject *pair; /* then nothing else is kept but the key */
} Place;

struct Pairs {
    PyObject_HEAD
    PyObject *name, *evictions; /* where they are counted */
    PyObject *restored;         /* what is kept of a place -> a Pair: track/pairs.py */
    PyObject *told;             /* (host, ech, ends, time_ns) -> whether nothing need be told; then it is counted */
    Greetings greetings;
    long long held, most;         /* bytes that all attempts take, and may */
    long long names, connections; /* counted and not settled */
    Lru all;
    uint32_t limit; /* of places */
    Ciphers ciphers;
    uint8_t clear[MAX_INITIAL], hello[5 + MAX_INITIAL]; /* of the packet at hand */
};

bool is_pairs(PyObject *object);

void pairs_close(Pairs *pairs);
void pairs_remove(Pairs *pairs, Place *place);
long long pairs_cost(const Partial *partial); /* as Pair.now has it */
PyObject *pairs_restore(Pairs *pairs, Place *place); /* borrowed; its Pair, which it is from now on */

#endif
