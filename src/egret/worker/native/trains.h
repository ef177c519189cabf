/* trains.c: fragments that come in their order. */
#ifndef EGRET_TRAINS_H
#define EGRET_TRAINS_H

#include "native.h"

typedef struct Train Train;

/* A fragment of a datagram of UDP, all of it. */
typedef struct {
    Span addresses; /* both */
    uint32_t identification;
    size_t offset;
    bool more;
    Span data;
} Fragment;

/* A datagram that its last fragment made whole, which is taken out meanwhile: whoever is asked may look at the others. */
typedef struct {
    Train *train; /* NULL: it is not whole yet */
    size_t place, before;
    Span data;
} Whole;

extern PyType_Spec trains_spec;
bool is_trains(PyObject *object);

bool trains_read(Span ip, Fragment *found); /* false: it is none that could be held */
int trains_add(Trains *trains, const Fragment *fragment, int64_t time_ns, PyObject *interface, Whole *whole); /* NO: not held */
void trains_settle(Trains *trains, Whole *whole, bool taken); /* not taken: it lacks its last fragment again */

#endif
