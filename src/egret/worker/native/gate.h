/* A frame at the gate. */
#ifndef EGRET_GATE_H
#define EGRET_GATE_H

#include "native.h"

enum { SECOND_NS = 1000000000 };

/* A frame, and the object in whose bytes it lies. */
typedef struct {
    PyObject *buffer, *interface;
    const uint8_t *base; /* where the buffer's bytes begin */
    Span data;
    int64_t time_ns;
    uint32_t wire_length;
    unsigned linktype;
} Frame;

int gate_take(Sluice *self, const Frame *frame); /* count it; NO leaves it to the observer */

#endif
