/* Tables that forget what was not used for longest: of QUIC pairs, of HTTP connections, of clients whose answers wait. */
#include "lru.h"

enum { FIRST = 64 };

/* Twice as much room, once all of it is used. */
static int grow(Lru *lru) {
    uint32_t used = lru->room, room = used == 0 ? FIRST : used * 2;
    uint8_t *entries = PyMem_Realloc(lru->entries, room * lru->size);
    if (entries != NULL) lru->entries = entries;
    uint32_t *buckets = entries == NULL ? NULL : PyMem_Realloc(lru->buckets, room * sizeof(uint32_t));
    if (buckets == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    memset(buckets, 0xFF, room * sizeof(uint32_t)); /* NO_LINK */
    memset(entries + used * lru->size, 0, (room - used) * lru->size);
    lru->buckets = buckets, lru->room = room;
    for (uint32_t at = 0; at < room; at++) {
        Link *link = lru_at(lru, at);
        if (at < used) {
            uint32_t *bucket = lru_bucket(lru, link->key);
            link->next = *bucket, *bucket = at;
        } else {
            link->number = at, link->next = at + 1 < room ? at + 1 : NO_LINK;
        }
    }
    lru->free = used;
    return YES;
}

int lru_open(Lru *lru, size_t size) {
    *lru = (Lru){.size = size, .free = NO_LINK, .oldest = NO_LINK, .youngest = NO_LINK};
    return grow(lru);
}

void lru_close(Lru *lru) {
    PyMem_Free(lru->entries);
    PyMem_Free(lru->buckets);
    *lru = (Lru){.size = lru->size};
}

static void make_youngest(Lru *lru, Link *link) {
    link->older = lru->youngest, link->younger = NO_LINK;
    if (lru->youngest == NO_LINK) lru->oldest = link->number;
    else ((Link *)lru_at(lru, lru->youngest))->younger = link->number;
    lru->youngest = link->number;
}

static void take_from_order(Lru *lru, const Link *link) {
    if (link->older == NO_LINK) lru->oldest = link->younger;
    else ((Link *)lru_at(lru, link->older))->younger = link->younger;
    if (link->younger == NO_LINK) lru->youngest = link->older;
    else ((Link *)lru_at(lru, link->younger))->older = link->older;
}

void *lru_add(Lru *lru, int64_t key) {
    if (lru->free == NO_LINK && grow(lru) == FAILED) return NULL;
    Link *link = lru_at(lru, lru->free);
    uint32_t *bucket = lru_bucket(lru, key);
    lru->free = link->next;
    link->key = key, link->next = *bucket;
    *bucket = link->number;
    memset(link + 1, 0, lru->size - sizeof(Link));
    make_youngest(lru, link);
    lru->count++;
    return link;
}

void lru_touch(Lru *lru, Link *link) {
    if (lru->youngest == link->number) return;
    take_from_order(lru, link);
    make_youngest(lru, link);
}

void lru_remove(Lru *lru, Link *link) {
    uint32_t *number = lru_bucket(lru, link->key);
    while (*number != link->number) number = &((Link *)lru_at(lru, *number))->next;
    *number = link->next;
    take_from_order(lru, link);
    link->next = lru->free;
    lru->free = link->number;
    lru->count--;
}
