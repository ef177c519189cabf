/* Where IP begins in a frame whose link headers are plain; decode/plain_link.py is the same in Python and says which. */
#include "native.h"

enum { VLAN = 0x8100, PROVIDER_VLAN = 0x88A8, OLD_VLAN = 0x9100, MAX_TAGS = 2 };
enum { MPLS = 0x8847, MPLS_UP = 0x8848, MAX_DEPTH = 2 };
enum { PPPOE = 0x8864, PPPOE_HEADER = 8, SESSION = 0x1100, PPP_IPV4 = 0x21, PPP_IPV6 = 0x57 };
enum { TCP = 6 };
enum { PPP_ON_ISDN = 0xFF03, RADIO = 801, RADIO_LAST = 803 };

static Span beyond(Span bytes, size_t size) { return (Span){bytes.at + size, bytes.size - size}; }

static bool is_tag(unsigned type) { return type == VLAN || type == PROVIDER_VLAN || type == OLD_VLAN; }

/* IP in PPP over Ethernet, which must be all of it. */
static bool find_in_session(Span session, Span *ip) {
    if (session.size < PPPOE_HEADER + SMALLEST_IP) return false;
    const uint8_t *at = session.at;
    unsigned protocol = big16(at + 6);
    if (big16(at) != SESSION || (protocol != PPP_IPV4 && protocol != PPP_IPV6)) return false;
    *ip = beyond(session, PPPOE_HEADER);
    unsigned claimed = ip->at[0] >> 4 == 4 ? big16(ip->at + 2) : 40u + big16(ip->at + 4);
    return claimed + 2 <= big16(at + 4);
}

unsigned link_untagged(unsigned type, Span *rest) {
    for (int tags = 0; is_tag(type) && tags < MAX_TAGS && rest->size >= 4; tags++)
        type = big16(rest->at + 2), *rest = beyond(*rest, 4);
    return type;
}

/* IP behind an EtherType. */
static bool find_behind(unsigned type, Span rest, Span *ip) {
    type = link_untagged(type, &rest);
    if (type == PPPOE) return find_in_session(rest, ip);
    *ip = rest;
    if (type == MPLS || type == MPLS_UP) return tunnel_behind_labels(ip) && ip->size >= SMALLEST_IP;
    return (type == IPV4 || type == IPV6) && rest.size >= SMALLEST_IP;
}

static bool find_cooked(unsigned hardware, unsigned type, Span rest, Span *ip) {
    return (hardware < RADIO || hardware > RADIO_LAST) && find_behind(type, rest, ip);
}

static bool is_family(uint32_t family) {
    return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 || family == 30 ||
           family == IPV4 || family == IPV6;
}

static bool find_in_loopback(Span frame, Span *ip) {
    uint32_t family = big32(frame.at);
    if (family >> 16 == PPP_ON_ISDN || frame.size < 4 + SMALLEST_IP) return false;
    *ip = beyond(frame, 4);
    return is_family(family > 0xFFFF ? little32(frame.at) : family);
}

static bool find_in_link(unsigned linktype, Span frame, Span *ip) {
    const uint8_t *at = frame.at;
    if (frame.size < SMALLEST_IP) return false;
    switch (linktype) {
    case ETHERNET:
        return frame.size >= 14 + SMALLEST_IP && find_behind(big16(at + 12), beyond(frame, 14), ip);
    case 113: /* Linux cooked, and its second version */
        return find_cooked(big16(at + 2), big16(at + 14), beyond(frame, 16), ip);
    case 276:
        return find_cooked(big16(at + 8), big16(at), beyond(frame, 20), ip);
    case 0: /* the BSDs' loopback, in their byte order and in the network's */
    case 108:
        return find_in_loopback(frame, ip);
    case 12: /* bare IP */
    case 14:
    case 101:
    case 228:
    case 229:
        *ip = frame;
        return true;
    default:
        return false;
    }
}

/* The innermost packet that a packet carries in tunnels. */
static void find_innermost(Span *ip) {
    Span inner = *ip;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        int link = tunnel_open(&inner);
        if (link == NO_TUNNEL || (link == FRAMED && !find_in_link(ETHERNET, inner, &inner))) return;
        if (inner.size < SMALLEST_IP) return;
        *ip = inner;
    }
}

bool link_find_ip(unsigned linktype, Span frame, Span *ip) {
    if (!find_in_link(linktype, frame, ip)) return false;
    uint8_t protocol = ip->at[0] == 0x45 ? ip->at[9] : ip->at[6];
    if (protocol != TCP) find_innermost(ip); /* most are TCP */
    return true;
}
