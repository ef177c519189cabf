/* rope.c: bytes that are added at the end and dropped at the front, in blocks of one size: what grows is not copied, and
 * what one rope let go of fits every other. */
#ifndef EGRET_ROPE_H
#define EGRET_ROPE_H

#include "native.h"

enum { BLOCK_BYTES = 124 };

typedef struct {
    uint32_t next; /* the number of the block behind it, or of the next free one */
    uint8_t bytes[BLOCK_BYTES];
} Block;

/* Where the blocks of many ropes lie: as many as were in use at once, until all is closed. */
typedef struct {
    Block **slabs;
    size_t count; /* of slabs */
    uint32_t fresh, free, spare; /* the first that was never in use; the first that is not any more; how many such */
} Blocks;

/* A byte of a rope. */
typedef struct {
    uint32_t block, at;
} Place;

typedef struct {
    Place first, end; /* end: behind the last byte; no block is there where size is 0 */
    size_t size;
} Rope;

void blocks_close(Blocks *blocks);
int rope_make_room(Blocks *blocks, const Rope *rope, size_t more); /* FAILED: there is no memory */
void rope_add(Blocks *blocks, Rope *rope, const void *bytes, size_t size); /* there was made room */
void rope_drop(Blocks *blocks, Rope *rope, size_t size);

/* Copy so many bytes that are there, unless *to* is NULL; *place* is behind them then. */
void rope_read(const Blocks *blocks, Place *place, void *to, size_t size);

#endif
