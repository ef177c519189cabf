/* Datagrams that are counted and not read; worker/datagrams.py says which, and why. */
#include "native.h"

enum { HEADER = 8, READ = 7, PORT_DNS = 53, ONE_QUESTION = 1, LEAST = 20 };
enum { LONG = 0x80, FIXED = 0x40, HANDSHAKE = 0x16, PREAMBLE = 0x01 };
enum { CLEAR_MASK = 0x0B, CLEAR = 0x09, CLEAR_VERSION = 9 };

static bool has(const uint8_t *bitmap, unsigned number) { return bitmap[number >> 3] >> (number & 7) & 1; }

/* Whether a payload may begin a connection. */
static bool may_matter(const Datagrams *datagrams, const uint8_t *payload) {
    uint8_t first = payload[0];
    if (first & LONG) return first & FIXED || has(datagrams->versions, big16(payload + 1));
    if (first == PREAMBLE) return payload[1] == 0;
    return first == HANDSHAKE || ((first & CLEAR_MASK) == CLEAR && payload[CLEAR_VERSION] == 'Q');
}

/* Whether nobody counts what goes between two addresses; then that is remembered. */
static int is_unmeasured(Datagrams *datagrams, Span ends) {
    Span both = {ends.at, ends.size - 4};
    if (table_get(&datagrams->unmeasured, both) >= 0) return YES;
    PyObject *key = bytes_of(ends);
    PyObject *said = key == NULL ? NULL : PyObject_CallOneArg(datagrams->measured, key);
    int measured = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(key);
    Py_XDECREF(said);
    if (measured != NO) return measured == YES ? NO : FAILED;
    return table_put(&datagrams->unmeasured, both, 0);
}

/* Count a datagram of *length* bytes; NO leaves it to the observer. *packet* is as much of it as is there. */
int datagrams_take(Datagrams *datagrams, Span packet, size_t length, Span ends, int64_t time_ns) {
    if (packet.size < LEAST) return NO;
    const uint8_t *at = packet.at;
    unsigned source = big16(at), destination = big16(at + 2), size = big16(at + 4);
    if (has(datagrams->apart, source) || has(datagrams->apart, destination)) {
        if (length > packet.size) return NO;
        return lookups_take(datagrams->lookups, (Span){at, length}, ends, time_ns);
    }
    if (big16(at + HEADER + 4) == ONE_QUESTION || size < HEADER || size > length) return NO;
    if (size >= HEADER + READ && may_matter(datagrams, at + HEADER)) return NO;
    return is_unmeasured(datagrams, ends);
}
