/* dns_table.c, and its type: directions of DNS over TCP. */
#ifndef EGRET_NATIVE_DNS_TABLE_H
#define EGRET_NATIVE_DNS_TABLE_H

#include "lru.h"

enum { DNS_PORT = 53, LENGTH = 2 /* bytes before a message */ };

/* One direction: a Direction of Python's, or where its next message begins. */
typedef struct {
    Link link;
    uint32_t anchor, position; /* the sequence number of offset 0; and the offset */
    int64_t last_ns;
    uint8_t ends[ENDS_MAX], ends_size;
    uint8_t waiting; /* bytes of a length whose message is to come */
    uint8_t length[LENGTH];
    PyObject *interface;
    PyObject *direction; /* then nothing else is kept but the key */
} Side;

typedef struct DnsTable {
    PyObject_HEAD
    PyObject *name, *evictions; /* where they are counted */
    PyObject *restored;         /* (ends, interface, anchor, position, last_ns, waiting) -> a Direction: track/dns_streams.py */
    Lru all;
    uint32_t limit;             /* of directions */
    long long held, most_held;  /* bytes that no message has taken yet, and may be */
} DnsTable;

extern PyType_Spec dns_table_spec;
bool is_dns_table(PyObject *object);

void dns_table_remove(DnsTable *table, Side *side);

static inline bool is_dns(Span ends) {
    return big16(ends.at + ends.size - 4) == DNS_PORT || big16(ends.at + ends.size - 2) == DNS_PORT;
}

/* Take a segment, unless its bytes are counted; NO leaves it to the observer, or some of its messages. Python may be
 * called. */
int dns_take(Quick *quick, Span ends, Span payload, uint32_t seq, uint8_t flags, int64_t time_ns, PyObject *interface);

#endif
