/* Bytes in blocks; rope.h says what for. */
#include "rope.h"

enum { SLAB_BITS = 14, SLAB = 1 << SLAB_BITS }; /* blocks: of 2 MB, a large page */

static Block *block_of(const Blocks *blocks, uint32_t number) {
    return &blocks->slabs[number >> SLAB_BITS][number & (SLAB - 1)];
}

void blocks_close(Blocks *blocks) {
    for (size_t slab = 0; slab < blocks->count; slab++) table_release(blocks->slabs[slab]);
    PyMem_Free(blocks->slabs);
    *blocks = (Blocks){0};
}

static int add_slab(Blocks *blocks) {
    Block **slabs = PyMem_Realloc(blocks->slabs, (blocks->count + 1) * sizeof *slabs);
    if (slabs == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    blocks->slabs = slabs;
    slabs[blocks->count] = table_room(SLAB * sizeof(Block));
    if (slabs[blocks->count] == NULL) return FAILED;
    blocks->count++;
    return YES;
}

int rope_make_room(Blocks *blocks, const Rope *rope, size_t more) {
    size_t there = rope->size == 0 ? 0 : BLOCK_BYTES - rope->end.at;
    size_t needed = more > there ? (more - there + BLOCK_BYTES - 1) / BLOCK_BYTES : 0;
    while (blocks->spare + blocks->count * SLAB - blocks->fresh < needed)
        if (add_slab(blocks) == FAILED) return FAILED;
    return YES;
}

static uint32_t take_block(Blocks *blocks) {
    if (blocks->spare == 0) return blocks->fresh++;
    uint32_t number = blocks->free;
    blocks->free = block_of(blocks, number)->next;
    blocks->spare--;
    return number;
}

static void give_back(Blocks *blocks, uint32_t number) {
    block_of(blocks, number)->next = blocks->free;
    blocks->free = number;
    blocks->spare++;
}

static size_t least(size_t one, size_t other) { return one < other ? one : other; }

void rope_add(Blocks *blocks, Rope *rope, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    if (rope->size == 0 && size > 0) rope->first = rope->end = (Place){take_block(blocks), 0};
    rope->size += size;
    for (Place *end = &rope->end; size > 0;) {
        if (end->at == BLOCK_BYTES) {
            uint32_t next = take_block(blocks);
            block_of(blocks, end->block)->next = next;
            *end = (Place){next, 0};
        }
        size_t part = least(size, BLOCK_BYTES - end->at);
        memcpy(block_of(blocks, end->block)->bytes + end->at, from, part);
        end->at += (uint32_t)part, from += part, size -= part;
    }
}

void rope_read(const Blocks *blocks, Place *place, void *to, size_t size) {
    for (uint8_t *into = to; size > 0;) {
        const Block *block = block_of(blocks, place->block);
        if (place->at == BLOCK_BYTES) {
            *place = (Place){block->next, 0};
            continue;
        }
        size_t part = least(size, BLOCK_BYTES - place->at);
        if (into != NULL) {
            memcpy(into, block->bytes + place->at, part);
            into += part;
        }
        place->at += (uint32_t)part, size -= part;
    }
}

void rope_drop(Blocks *blocks, Rope *rope, size_t size) {
    bool all = size == rope->size && size > 0;
    rope->size -= size;
    while (size > 0) {
        size_t part = least(size, BLOCK_BYTES - rope->first.at);
        rope->first.at += (uint32_t)part, size -= part;
        if (rope->first.at < BLOCK_BYTES || rope->first.block == rope->end.block) continue;
        uint32_t gone = rope->first.block;
        rope->first = (Place){block_of(blocks, gone)->next, 0};
        give_back(blocks, gone);
    }
    if (all) give_back(blocks, rope->end.block);
}
