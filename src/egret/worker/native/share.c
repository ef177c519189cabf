/* Whose a frame is, where several processes read one capture; track/share.py is the same in Python and says why. */
#include "native.h"

enum { TCP = 6, UDP = 17, DNS = 53, HTTP = 80, FRAGMENT = 0x3FFF, DATAGRAM_HEADER = 8, SMALLEST_6 = 40 + 20 };

#define GOLDEN 0x9E3779B1u

/* The sum of an address's words. */
static uint32_t sum_of(const uint8_t *address, size_t size) {
    uint32_t sum = 0;
    for (size_t at = 0; at < size; at += 4) sum += big32(address + at);
    return sum;
}

static int owner(uint32_t sum, unsigned of) { return (int)((sum * GOLDEN >> 16) % of); }

/* The process that has what goes between the ends at *addresses* and *ports*: that of the end with the lower port. */
static int owner_of_ends(const uint8_t *addresses, size_t size, const uint8_t *ports, unsigned of) {
    unsigned source = big16(ports), destination = big16(ports + 2);
    uint32_t sum = source <= destination ? sum_of(addresses, size) : 0;
    if (destination <= source) sum += sum_of(addresses + size, size);
    return owner(sum, of);
}

static bool is_in(const Network *network, const uint8_t *address, size_t size) {
    if (network->size != size) return false;
    for (size_t at = 0; at < size; at++)
        if ((address[at] & network->mask[at]) != network->first[at]) return false;
    return true;
}

/* Whether all follow a TCP connection between the ends at *addresses* and *ports*. */
static bool is_followed(const Share *share, const uint8_t *addresses, size_t size, const uint8_t *ports) {
    for (int end = 0; end < 2; end++) {
        if (big16(ports + 2 * end) != HTTP) continue;
        for (size_t at = 0; at < share->count; at++)
            if (is_in(&share->servers[at], addresses + (size_t)end * size, size)) return true;
    }
    return false;
}

static bool is_whole_segment(const uint8_t *segment, long length) {
    long header = segment[12] >> 2 & 0x3C;
    return header >= 20 && header <= length && big16(segment) != DNS && big16(segment + 2) != DNS;
}

static bool is_for_all(const Share *share, unsigned port) { return share->ports[port >> 3] >> (port & 7) & 1; }

/* Whether a datagram, of which *there* bytes are, is whole, and can be no look-up and no tunnel. */
static bool is_own_datagram(const Share *share, const uint8_t *datagram, size_t there, long length) {
    long size = big16(datagram + 4);
    if (size < DATAGRAM_HEADER || size > length) return false;
    if (is_for_all(share, big16(datagram)) || is_for_all(share, big16(datagram + 2))) return false;
    return there < DATAGRAM_HEADER + 6 || datagram[DATAGRAM_HEADER + 4] != 0 || datagram[DATAGRAM_HEADER + 5] != 1;
}

int share_owner(const Share *share, Span ip) {
    const uint8_t *at = ip.at, *addresses, *body;
    size_t left = ip.size, size;
    uint8_t protocol;
    long length;
    if (at[0] == 0x45) {
        if (big16(at + 6) & FRAGMENT) return EVERYONE;
        length = (long)big16(at + 2) - 20, protocol = at[9], addresses = at + 12, size = 4;
    } else if (at[0] >> 4 == 6 && left >= SMALLEST_6) {
        length = big16(at + 4), protocol = at[6], addresses = at + 8, size = 16;
    } else {
        return EVERYONE;
    }
    body = addresses + 2 * size;
    left -= (size_t)(body - at);
    bool own = protocol == TCP ? is_whole_segment(body, length)
                               : protocol == UDP && is_own_datagram(share, body, left, length);
    if (own && protocol == TCP && is_followed(share, addresses, size, body)) return FOLLOWED;
    return own ? owner_of_ends(addresses, size, body, share->of) : EVERYONE;
}

/* The networks of servers, each as the size of an address, the first one and the mask. */
static bool read_servers(Share *share, Span from) {
    share->count = 0;
    for (size_t at = 0; at < from.size;) {
        size_t size = from.at[at++];
        if (share->count == MAX_SERVERS || (size != 4 && size != 16) || from.size - at < 2 * size) return false;
        Network *network = &share->servers[share->count++];
        network->size = size;
        memcpy(network->first, from.at + at, size);
        memcpy(network->mask, from.at + at + size, size);
        at += 2 * size;
    }
    return true;
}

int share_open(Share *share, PyObject *args) {
    const char *ports, *servers;
    Py_ssize_t size, servers_size;
    unsigned number, of;
    if (!PyArg_ParseTuple(args, "IIy#y#", &number, &of, &ports, &size, &servers, &servers_size)) return FAILED;
    Span networks = {(const uint8_t *)servers, (size_t)servers_size};
    if (of < 1 || number >= of || size != sizeof share->ports || !read_servers(share, networks)) {
        PyErr_SetString(PyExc_ValueError, "a number, of how many, a bit for each port, and networks");
        return FAILED;
    }
    share->number = number, share->of = of;
    memcpy(share->ports, ports, sizeof share->ports);
    return YES;
}
