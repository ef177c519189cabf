/* greetings.c: plain hellos of which nothing need be told. */
#ifndef EGRET_GREETINGS_H
#define EGRET_GREETINGS_H

#include "native.h"

/* What worker/greetings.py keeps. */
typedef struct {
    Truths *hosts, *clients, *servers; /* whether nothing is known of it; it is ours; it is special */
    PyObject *watched;                 /* clients of whom everything matters */
    bool of_anyone;                    /* special servers matter whoever their client is */
} Greetings;

bool greetings_fit(const Greetings *greetings);
void greetings_hold(Greetings *greetings);
int greetings_visit(const Greetings *greetings, visitproc visit, void *arg);
void greetings_clear(Greetings *greetings);

/* Whether nothing need be told of a request, or of a hello without ECH; *ours*: whether its client is. */
int greetings_pass(const Greetings *greetings, Span host, Span ends, bool *ours);

/* Whether something is among others, which are often none. */
int contains(PyObject *others, PyObject *(*object_of)(const void *), const void *what);
int contains_bytes(PyObject *others, Span bytes);

#endif
