/* lru.c: entries of one kind by hashes, in the order in which they were last used. An entry is a struct whose first member
 * is its Link. Every entry may lie elsewhere after another one was added. */
#ifndef EGRET_LRU_H
#define EGRET_LRU_H

#include "native.h"

#define NO_LINK UINT32_MAX /* no number of an entry */

typedef struct {
    int64_t key; /* a hash that nobody outside can foresee: it says itself where it lies */
    uint32_t number;
    uint32_t next; /* in the same bucket, or of the free ones */
    uint32_t older, younger;
} Link;

typedef struct {
    uint8_t *entries;
    uint32_t *buckets;
    size_t size;                                  /* of an entry */
    uint32_t room, count, free, oldest, youngest; /* room: of both arrays, a power of two */
} Lru;

int lru_open(Lru *lru, size_t size);
void lru_close(Lru *lru);                  /* what entries held is the caller's to free before */
void *lru_add(Lru *lru, int64_t key);      /* zeroed, as the youngest; NULL where there is no memory */
void lru_touch(Lru *lru, Link *link);      /* it is the youngest now */
void lru_remove(Lru *lru, Link *link);     /* what the entry held is the caller's */

static inline void *lru_at(const Lru *lru, uint32_t number) {
    return number == NO_LINK ? NULL : lru->entries + number * lru->size;
}

static inline uint32_t *lru_bucket(const Lru *lru, int64_t key) {
    return &lru->buckets[(uint64_t)key & (lru->room - 1)];
}

static inline void *lru_find_from(const Lru *lru, uint32_t number, int64_t key) {
    while (number != NO_LINK) {
        Link *link = (Link *)(lru->entries + number * lru->size);
        if (link->key == key) return link;
        number = link->next;
    }
    return NULL;
}

static inline void *lru_find(const Lru *lru, int64_t key) { return lru_find_from(lru, *lru_bucket(lru, key), key); }

/* Another entry with the same key, where an entry is more than its key. */
static inline void *lru_find_next(const Lru *lru, const Link *link) { return lru_find_from(lru, link->next, link->key); }

static inline void *lru_oldest(const Lru *lru) { return lru->count == 0 ? NULL : lru_at(lru, lru->oldest); }

static inline void *lru_younger(const Lru *lru, const Link *link) { return lru_at(lru, link->younger); }

#endif
