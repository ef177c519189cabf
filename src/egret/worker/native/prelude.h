/* prelude.c: what comes before hellos. */
#ifndef EGRET_PRELUDE_H
#define EGRET_PRELUDE_H

#include "native.h"

bool prelude_is_plain(Span data); /* whether a client's first bytes are one, and a hello may follow */

#endif
