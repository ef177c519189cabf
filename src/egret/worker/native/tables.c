/* Tables of bytes, for keys that an attacker chooses: keyed, bounded, forgotten at once. */
#define _GNU_SOURCE /* madvise */
#include "native.h"

#include <stdlib.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define FIRST_SLOTS 1024
#define LARGE_PAGE ((size_t)1 << 21) /* where they are of another size, this does no harm */

void tables_open(void) {
#ifdef __GLIBC__
    /* Tables grow by being replaced. After the first that is freed glibc would put those of its size into the heap,
     * where what was outgrown stays: 20 MB of gaps where many are full. What is set does not move. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_PAGE);
#endif
}

void *table_room(size_t size) {
    size_t all = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *memory = aligned_alloc(LARGE_PAGE, all);
    if (memory == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, all, MADV_HUGEPAGE); /* a wish */
#endif
    return memory;
}

void *table_memory(size_t count, size_t size) {
    bool large = count * size >= LARGE_PAGE;
    void *memory = large ? table_room(count * size) : calloc(count, size);
    if (memory != NULL) return large ? memset(memory, 0, count * size) : memory;
    if (!large) PyErr_NoMemory();
    return NULL;
}

void table_release(void *memory) { free(memory); }

int count_up(PyObject *counts, PyObject *name, size_t by) {
    PyObject *before = PyObject_GetItem(counts, name);
    PyObject *more = before == NULL ? NULL : PyLong_FromSize_t(by);
    PyObject *now = more == NULL ? NULL : PyNumber_Add(before, more);
    int failed = now == NULL || PyObject_SetItem(counts, name, now) < 0;
    Py_XDECREF(before);
    Py_XDECREF(more);
    Py_XDECREF(now);
    return failed ? FAILED : YES;
}

static inline uint64_t rotated(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

typedef struct {
    uint64_t v0, v1, v2, v3;
} State;

static inline void mix(State *s) {
    s->v0 += s->v1, s->v1 = rotated(s->v1, 13) ^ s->v0, s->v0 = rotated(s->v0, 32);
    s->v2 += s->v3, s->v3 = rotated(s->v3, 16) ^ s->v2;
    s->v0 += s->v3, s->v3 = rotated(s->v3, 21) ^ s->v0;
    s->v2 += s->v1, s->v1 = rotated(s->v1, 17) ^ s->v2, s->v2 = rotated(s->v2, 32);
}

static inline void take(State *s, uint64_t word) {
    s->v3 ^= word;
    mix(s);
    s->v0 ^= word;
}

/* Whole words of *at*, and the last one that ends with it, be some of it taken already: with the size, which is taken as
 * well, that tells two runs of bytes apart as zeros behind it would, and costs no loop over single bytes. */
static inline void take_all(State *s, const uint8_t *at, size_t size) {
    uint64_t word = 0;
    size_t taken = 0;
    for (; taken + sizeof word <= size; taken += sizeof word) {
        memcpy(&word, at + taken, sizeof word);
        take(s, word);
    }
    if (taken == size) return;
    if (size >= sizeof word) {
        memcpy(&word, at + size - sizeof word, sizeof word);
    } else {
        for (word = 0; size > 0; size--) word = word << 8 | at[size - 1];
    }
    take(s, word);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012; the rounds that CPython uses) over two runs of bytes, each as whole
 * words; both sizes are in the last one. */
uint64_t keyed_hash(const Secret *secret, const uint8_t *first, size_t first_size, const uint8_t *second,
                    size_t second_size) {
    State s = {
        secret->key[0] ^ 0x736f6d6570736575u,
        secret->key[1] ^ 0x646f72616e646f6du,
        secret->key[0] ^ 0x6c7967656e657261u,
        secret->key[1] ^ 0x7465646279746573u,
    };
    take_all(&s, first, first_size);
    take_all(&s, second, second_size);
    take(&s, (uint64_t)first_size << 32 | (uint32_t)second_size);
    s.v2 ^= 0xff;
    mix(&s), mix(&s), mix(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

int table_open(Table *table, size_t limit, const Secret *secret) {
    *table = (Table){.slots = FIRST_SLOTS, .limit = limit, .generation = 1, .secret = *secret};
    table->entries = table_memory(table->slots, sizeof(Entry));
    return table->entries == NULL ? FAILED : YES;
}

void table_close(Table *table) {
    table_release(table->entries);
    table->entries = NULL;
}

void table_clear(Table *table) {
    table->count = 0;
    if (++table->generation == 0) { /* once in four thousand million times */
        memset(table->entries, 0, table->slots * sizeof(Entry));
        table->generation = 1;
    }
}

static int grow(Table *table) {
    Table larger = *table;
    larger.slots *= 2;
    larger.entries = table_memory(larger.slots, sizeof(Entry));
    if (larger.entries == NULL) return FAILED;
    for (size_t slot = 0; slot < table->slots; slot++) {
        const Entry *entry = &table->entries[slot];
        if (entry->generation == table->generation) *table_place(&larger, entry->hash) = *entry;
    }
    table_release(table->entries);
    *table = larger;
    return YES;
}

int table_put_hash(Table *table, uint64_t hash, uint8_t value) {
    if (table->count >= table->limit) table_clear(table);
    if (table->count * 2 >= table->slots && grow(table) == FAILED) return FAILED;
    Entry *entry = table_place(table, hash);
    table->count += entry->generation != table->generation;
    *entry = (Entry){hash, table->generation, value};
    return YES;
}
