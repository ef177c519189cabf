/* DNS over TCP, one whole message after the other: worker/dns_talks.py says how, and track/dns_streams.py is the oracle. */
#include "quick.h"

enum { SYN = 0x02, MAX_QUERY_BYTE = 0x10, REBASE = 1 << 30 };

void dns_table_remove(DnsTable *table, Side *side) {
    PyObject *held[] = {side->interface, side->direction};
    lru_remove(&table->all, &side->link);
    for (int each = 0; each < 2; each++) Py_XDECREF(held[each]);
}

/* The oldest one goes, or *old*, which has the same key; NO if Python must say what of it was held. */
static int make_room(DnsTable *table, Side *old) {
    Side *gone = old != NULL || table->all.count < table->limit ? old : lru_oldest(&table->all);
    if (gone == NULL) return table->limit > 0;
    if (gone->direction != NULL || gone->waiting > 0) return NO;
    if (old == NULL && count_up(table->evictions, table->name, 1) == FAILED) return FAILED;
    dns_table_remove(table, gone);
    return YES;
}

/* track/dns_streams.py, _begin. */
static int begin(DnsTable *table, int64_t key, Span ends, uint32_t anchor, int64_t time_ns, PyObject *interface) {
    Side *side = lru_find(&table->all, key);
    if (side != NULL && side->direction == NULL && side->anchor == anchor) return YES;
    if (side != NULL && side->direction != NULL) return NO;
    int made = make_room(table, side);
    side = made == YES ? lru_add(&table->all, key) : NULL;
    if (side == NULL) return made == NO ? NO : FAILED;
    side->anchor = anchor, side->last_ns = time_ns, side->ends_size = (uint8_t)ends.size;
    memcpy(side->ends, ends.at, ends.size);
    side->interface = Py_NewRef(interface);
    return YES;
}

/* A length whose message comes in the next segment. */
static int keep_length(DnsTable *table, Side *side, Span payload, int64_t time_ns) {
    if (table->held + LENGTH > table->most_held || big16(payload.at) == 0) return NO; /* nothing may follow the latter */
    memcpy(side->length, payload.at, LENGTH);
    side->waiting = LENGTH;
    side->last_ns = time_ns;
    table->held += LENGTH;
    lru_touch(&table->all, &side->link);
    return YES;
}

/* The message at the front of *payload*, whose length may have come before; empty if it is not whole. */
static Span first_of(const Side *side, Span payload) {
    size_t behind = side->waiting > 0 ? 0 : LENGTH;
    if (payload.size < behind) return (Span){payload.at, 0};
    size_t size = big16(side->waiting > 0 ? side->length : payload.at);
    return (Span){payload.at + behind, size <= payload.size - behind ? size : 0};
}

static void advance(DnsTable *table, Side *side, size_t message, int64_t time_ns) {
    side->position += LENGTH + (uint32_t)message;
    side->last_ns = time_ns;
    table->held -= side->waiting;
    side->waiting = 0;
    lru_touch(&table->all, &side->link);
}

/* Messages that were taken are behind the direction's position: who gets the rest knows them for old. */
static int take_messages(DnsTable *table, Lookups *lookups, int64_t key, Span ends, Span payload, int64_t time_ns) {
    while (payload.size > 0) {
        Side *side = lru_find(&table->all, key);
        if (side == NULL || side->direction != NULL || side->position > REBASE - ((1 << 16) + LENGTH)) return NO;
        if (payload.size == LENGTH && side->waiting == 0) return keep_length(table, side, payload, time_ns);
        Span message = first_of(side, payload);
        int taken = message.size == 0 ? NO : lookups_take_message(lookups, message, ends, time_ns);
        if (taken != YES) return taken;
        side = lru_find(&table->all, key); /* Python may have been asked */
        if (side == NULL || side->direction != NULL) {
            PyErr_SetString(PyExc_SystemError, "another direction is there now");
            return FAILED;
        }
        advance(table, side, message.size, time_ns);
        size_t used = (size_t)(message.at - payload.at) + message.size;
        payload = (Span){payload.at + used, payload.size - used};
    }
    return YES;
}

int dns_take(Quick *quick, Span ends, Span payload, uint32_t seq, uint8_t flags, int64_t time_ns, PyObject *interface) {
    DnsTable *table = quick->known.dns;
    int measured = quick_is_measured(quick, ends);
    if (measured != NO || quick->lookups == NULL) return measured == FAILED ? FAILED : NO;
    int64_t key = hash_of(ends);
    if (flags & SYN) return begin(table, key, ends, seq + 1, time_ns, interface);
    const Side *side = lru_find(&table->all, key);
    if (payload.size == 0) return side == NULL || side->direction == NULL; /* else it may carry something else */
    if (side == NULL || side->direction != NULL || seq != side->anchor + side->position + side->waiting) return NO;
    bool is_first = side->position == 0 && side->waiting == 0 && big16(ends.at + ends.size - 2) == DNS_PORT;
    if (is_first && payload.at[0] >= MAX_QUERY_BYTE) return NO; /* TLS, or text */
    int taken = take_messages(table, quick->lookups, key, ends, payload, time_ns);
    quick_python_called(quick);
    return taken;
}
