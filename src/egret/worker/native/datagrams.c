/* Datagrams that are counted and not read; worker/datagrams.py says which, and why. */
#include "native.h"
#include "quick.h"

enum { HEADER = 8, READ = 7, PORT_DNS = 53, ONE_QUESTION = 1, LEAST = 20 };
enum { LONG = 0x80, FIXED = 0x40, HANDSHAKE = 0x16, PREAMBLE = 0x01 };
enum { ZERO_RTT = 0xD0, HANDSHAKE_PACKET = 0xE0, ID = 5, MAX_CID = 20, MIN_CLIENT_DATAGRAM = 1200 };
enum { CLEAR_MASK = 0x0B, CLEAR = 0x09, CLEAR_VERSION = 9 };

/* Whether a payload may begin a connection. */
static bool may_matter(const Datagrams *datagrams, const uint8_t *payload) {
    uint8_t first = payload[0];
    if (first & LONG) return first & FIXED || bit_of(datagrams->versions, big16(payload + 1));
    if (first == PREAMBLE) return memcmp(payload + 1, "\0\0\0\x16", 4) == 0;
    return first == HANDSHAKE || ((first & CLEAR_MASK) == CLEAR && payload[CLEAR_VERSION] == 'Q');
}

/* Whether what looks like a long header is surely none that is read, nor is that told. */
static bool is_odd(const Datagrams *datagrams, const uint8_t *payload, size_t size, bool whole, unsigned destination) {
    if (bit_of(datagrams->versions, big16(payload + 1)) || bit_of(datagrams->expected, destination)) return false;
    return (size < MIN_CLIENT_DATAGRAM && whole) || payload[ID] > MAX_CID;
}

/* Whether all packets of a payload are surely of a kind that holds no hello: decode/quic.py, is_behind_hello. */
static bool is_behind_hello(Span payload) {
    const uint8_t *at = payload.at;
    size_t start = 0, end = payload.size;
    while (start < end && at[start] & LONG) {
        size_t position = start + 5;
        uint8_t kind = at[start] & 0xF0;
        if ((kind != ZERO_RTT && kind != HANDSHAKE_PACKET) || position > end || big32(at + start + 1) != 1) return false;
        for (int id = 0; id < 2; id++) {
            if (position >= end || at[position] > MAX_CID) return false;
            position += 1u + at[position];
        }
        if (position + 2 > end || at[position] & 0x80) return false;
        bool one = at[position] < 0x40; /* RFC 9000 section 16 */
        start = position + (one ? 1u + at[position] : 2u + (big16(at + position) & 0x3FFFu));
    }
    return start <= end;
}

static int is_measured(const Datagrams *datagrams, Span ends) {
    if (datagrams->quick != NULL) return quick_is_measured(datagrams->quick, ends);
    PyObject *key = bytes_of(ends);
    PyObject *said = key == NULL ? NULL : PyObject_CallOneArg(datagrams->measured, key);
    int measured = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(key);
    Py_XDECREF(said);
    return measured;
}

/* Whether nobody counts what goes between two addresses; then that is remembered. */
static int is_unmeasured(Datagrams *datagrams, Span ends) {
    Span both = {ends.at, ends.size - 4};
    if (table_get(&datagrams->unmeasured, both) >= 0) return YES;
    int measured = is_measured(datagrams, ends);
    if (measured != NO) return measured == YES ? NO : FAILED;
    return table_put(&datagrams->unmeasured, both, 0);
}

/* What a QUIC connection begins with goes to what follows them. */
static int begin(Datagrams *datagrams, Span payload, Span ends, int64_t time_ns, PyObject *interface) {
    int known = datagrams->pairs == NULL ? UNKNOWN : pairs_take(datagrams->pairs, payload, ends, time_ns, interface);
    if (known != UNKNOWN) return known;
    PyObject *said = PyObject_CallFunction(datagrams->begins, "y#y#LO", payload.at, (Py_ssize_t)payload.size, ends.at,
                                           (Py_ssize_t)ends.size, (long long)time_ns, interface);
    int taken = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return taken;
}

/* Count the bytes of a datagram of which nothing else need be told. */
static int weigh(const Datagrams *datagrams, Span payload, Span ends, int64_t time_ns, PyObject *interface) {
    PyObject *said = PyObject_CallFunction(datagrams->weigh, "y#inLO", ends.at, (Py_ssize_t)ends.size,
                                           (int)payload.at[0], (Py_ssize_t)payload.size, (long long)time_ns, interface);
    Py_XDECREF(said);
    return said == NULL ? FAILED : YES;
}

/* Whether a datagram stays on its link, and is none that is read: what is apart otherwise goes before. */
static bool is_local(const Datagrams *datagrams, unsigned source, unsigned destination) {
    bool locals[] = {bit_of(datagrams->local, source), bit_of(datagrams->local, destination)};
    return (locals[0] || !bit_of(datagrams->apart, source)) && (locals[1] || !bit_of(datagrams->apart, destination));
}

/* Whether a datagram on a tunnel's port is surely none, and so like all others. */
static bool is_no_tunnel(const Datagrams *datagrams, Span packet, unsigned source, unsigned destination) {
    if (datagrams->divided || bit_of(datagrams->local, source) || bit_of(datagrams->local, destination)) return false;
    size_t size = big16(packet.at + 4), there = size < packet.size ? size : packet.size;
    Span payload = {packet.at + HEADER, there < HEADER ? 0 : there - HEADER};
    return tunnel_is_none(bit_of(datagrams->apart, destination) ? destination : source, payload);
}

static int take_local(Datagrams *datagrams, Span payload, Span ends, int64_t time_ns, PyObject *interface) {
    int unmeasured = is_unmeasured(datagrams, ends);
    return unmeasured == NO ? weigh(datagrams, payload, ends, time_ns, interface) : unmeasured;
}

/* Take a datagram of *length* bytes; NO leaves it to the observer. *packet* is as much of it as is there. */
int datagrams_take(Datagrams *datagrams, Span packet, size_t length, Span ends, int64_t time_ns, PyObject *interface) {
    if (packet.size < LEAST) return NO;
    const uint8_t *at = packet.at;
    unsigned source = big16(at), destination = big16(at + 2), size = big16(at + 4);
    if (bit_of(datagrams->apart, source) || bit_of(datagrams->apart, destination)) {
        if (size >= HEADER && size <= length && is_local(datagrams, source, destination))
            return take_local(datagrams, (Span){at + HEADER, size - HEADER}, ends, time_ns, interface);
        Span there = {at, length < packet.size ? length : packet.size};
        if (source == PORT_DNS || destination == PORT_DNS)
            return lookups_take(datagrams->lookups, there, length, ends, time_ns);
        if (!is_no_tunnel(datagrams, packet, source, destination)) return NO;
    }
    if (big16(at + HEADER + 4) == ONE_QUESTION || size < HEADER || size > length) return NO;
    bool begins = size >= HEADER + READ && may_matter(datagrams, at + HEADER);
    if (begins && at[HEADER] >= (LONG | FIXED))
        begins = !is_odd(datagrams, at + HEADER, size - HEADER, size <= packet.size, destination);
    if (begins && (at[HEADER] < (LONG | FIXED) || size > packet.size)) return NO;
    int unmeasured = is_unmeasured(datagrams, ends);
    Span payload = {at + HEADER, size - HEADER};
    int taken = unmeasured == FAILED ? FAILED : YES;
    if (taken == YES && begins && !is_behind_hello(payload)) taken = begin(datagrams, payload, ends, time_ns, interface);
    return taken == YES && unmeasured == NO ? weigh(datagrams, payload, ends, time_ns, interface) : taken;
}
