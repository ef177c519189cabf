/* What a packet of IP carries, behind whatever stands in front of it; decode/plain_ip.py is the same in Python. */
#include "native.h"

enum { FRAGMENT = 0x3FFF, PIECE = 0xFFF9, FRAGMENTED = 44, AUTHENTICATION = 51 };
enum { MAX_EXTENSIONS = 8, LEAST = 8, HEADER_4 = 20, HEADER_6 = 40 };

static bool is_extension(unsigned protocol) {
    switch (protocol) {
    case 0: /* hop by hop, routing, for the receiver; mobility, identities, two homes */
    case 43:
    case FRAGMENTED:
    case AUTHENTICATION:
    case 60:
    case 135:
    case 139:
    case 140:
        return true;
    default:
        return false;
    }
}

static bool open_4(Span ip, size_t missing, Carried *carried) {
    size_t header = (ip.at[0] & 0x0Fu) * 4, total = big16(ip.at + 2);
    if (total == 0) total = ip.size + missing;
    if (header < HEADER_4 || header > ip.size || header > total || big16(ip.at + 6) & FRAGMENT) return false;
    *carried = (Carried){ip.at[9], {ip.at + header, ip.size - header}, total - header};
    return true;
}

static bool open_6(Span ip, size_t missing, Carried *carried) {
    size_t length = big16(ip.at + 4), body = HEADER_6, end = length > 0 ? body + length : ip.size + missing;
    unsigned protocol = ip.at[6];
    for (int extensions = 0; extensions <= MAX_EXTENSIONS; extensions++) {
        const uint8_t *at = ip.at + body;
        if (!is_extension(protocol)) {
            *carried = (Carried){protocol, {at, ip.size - body}, end - body};
            return body <= end;
        }
        if (ip.size - body < LEAST || (protocol == FRAGMENTED && big16(at + 2) & PIECE)) return false;
        if (protocol == FRAGMENTED) body += LEAST;
        else body += protocol == AUTHENTICATION ? (at[1] + 2u) * 4 : (at[1] + 1u) * 8;
        protocol = at[0];
        if (body > ip.size) return false;
    }
    return false;
}

bool ip_open(Span ip, size_t missing, Carried *carried) {
    if (ip.size >= HEADER_4 && ip.at[0] >> 4 == 4) return open_4(ip, missing, carried);
    return ip.size >= HEADER_6 && ip.at[0] >> 4 == 6 && open_6(ip, missing, carried);
}

Span ip_ends(Span ip, Span body, uint8_t ends[ENDS_MAX]) {
    bool four = ip.at[0] >> 4 == 4;
    size_t size = four ? 8 : 32;
    memcpy(ends, ip.at + (four ? 12 : 8), size);
    memcpy(ends + size, body.at, 4);
    return (Span){ends, size + 4};
}
