/* hello.c: plain hellos. */
#ifndef EGRET_HELLO_H
#define EGRET_HELLO_H

#include "native.h"

size_t hello_size(Span data); /* how long a stream that begins so must be to be one plain hello; 0: it cannot be one */
Span hello_host(Span data);   /* the host that a plain hello names; empty if it is none */

#endif
