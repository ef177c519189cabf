/* request.c: plain requests of HTTP. */
#ifndef EGRET_REQUEST_H
#define EGRET_REQUEST_H

#include "native.h"

typedef struct {
    Span host;
    size_t size; /* bytes of the stream that it takes with its body */
} Request;

bool request_may_begin(uint8_t first);
bool request_read(Span data, Request *request); /* whether it is one plain request */

#endif
