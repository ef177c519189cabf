/* hello.c: plain hellos. */
#ifndef EGRET_HELLO_H
#define EGRET_HELLO_H

#include "native.h"

size_t hello_size(Span data); /* how long a stream that begins so must be to be one plain hello; 0: it cannot be one */

enum { NO_ECH = -1 };

typedef struct {
    Span host;
    int ech; /* the id of a configuration of Encrypted Client Hello */
} Hello;

bool is_plain_host(Span host); /* whether it is lower-case, of several labels, the last of which begins with a letter */

bool hello_read(Span data, Hello *hello); /* whether it is a plain hello */

#endif
