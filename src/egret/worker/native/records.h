/* records.c: what the records of a DNS answer tell. */
#ifndef EGRET_RECORDS_H
#define EGRET_RECORDS_H

#include "native.h"

enum { MAX_NAME = 253 };

/* An ordinary byte of a name in lower case; 0: it is none. */
static inline char lower(uint8_t byte) {
    if (byte >= 'A' && byte <= 'Z') return (char)(byte | 0x20);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ? (char)byte : 0;
}

/* A host's name, in lower case and of ordinary bytes. */
typedef struct {
    size_t size;
    char text[MAX_NAME];
} Name;

/* What is counted. */
typedef struct {
    int answers, aliases;
} Told;

/* Whether no signature names a host. */
typedef int IsUnnamed(void *context, const Name *name);

/* Read the records of a response, which begin at *at*; NO where the observer must. */
int records_read(Span wire, size_t at, int records, bool cut, IsUnnamed *is_unnamed, void *context, Told *told);

#endif
