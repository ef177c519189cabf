/* Where the inner packet begins in a tunnel of the plainest shape; decode/plain_tunnel.py is the same in Python. */
#include "native.h"

enum { IP_IN_IP = 4, UDP = 17, IP6_IN_IP = 41, GRE = 47, DNS = 53, FRAGMENT = 0x3FFF, UDP_HEADER = 8 };
enum { CHECKSUM = 0x8000, KEY = 0x2000, SEQUENCE = 0x1000, BRIDGED = 0x6558, ERSPAN = 0x88BE, ERSPAN_HEADER = 8 };
enum { VXLAN = 0x08000000, VXLAN_PORT = 4789, OLD_VXLAN_PORT = 8472, LEAST_VXLAN = 8 + 14, VXLAN_HEADER = 8 };
enum { GPE_PORT = 4790, GENEVE_PORT = 6081, GENEVE_HEADER = 8 };
enum { GTP_PORT = 2152, GTP = 0x30FF, GTP_HEADER = 8, MAX_LABELS = 4, BOTTOM = 0x100 };

/* What is behind a header; false where that does not end in front of it. */
static bool behind(Span *data, size_t header) {
    if (data->size < header) return false;
    *data = (Span){data->at + header, data->size - header};
    return true;
}

static int in_gre(Span *data) {
    if (data->size < 4) return NO_TUNNEL;
    unsigned flags = big16(data->at), number = big16(data->at + 2);
    if (flags & ~(unsigned)(KEY | SEQUENCE) && flags != CHECKSUM) return NO_TUNNEL;
    if (!behind(data, 4 + 4u * (flags == CHECKSUM) + 4u * ((flags & KEY) != 0) + 4u * ((flags & SEQUENCE) != 0)))
        return NO_TUNNEL;
    if (number == IPV4 || number == IPV6) return BARE;
    if (number == ERSPAN && flags & SEQUENCE && !behind(data, ERSPAN_HEADER)) return NO_TUNNEL;
    return number == BRIDGED || number == ERSPAN ? FRAMED : NO_TUNNEL;
}

static int in_datagram(Span *data) {
    if (data->size < UDP_HEADER + LEAST_VXLAN) return NO_TUNNEL;
    unsigned source = big16(data->at), port = big16(data->at + 2), size = big16(data->at + 4);
    if (size < UDP_HEADER + LEAST_VXLAN || size > data->size || source == DNS) return NO_TUNNEL;
    *data = (Span){data->at + UDP_HEADER, size - UDP_HEADER};
    const uint8_t *at = data->at;
    if (port == VXLAN_PORT || port == OLD_VXLAN_PORT)
        return big32(at) == VXLAN && at[7] == 0 && behind(data, VXLAN_HEADER) ? FRAMED : NO_TUNNEL;
    if (port != GTP_PORT || big16(at) != GTP || big16(at + 2) != data->size - GTP_HEADER) return NO_TUNNEL;
    unsigned version = at[GTP_HEADER] >> 4;
    return (version == 4 || version == 6) && behind(data, GTP_HEADER) ? BARE : NO_TUNNEL;
}

int tunnel_open(Span *ip) {
    const uint8_t *at = ip->at;
    bool four = at[0] == 0x45;
    if (!four && at[0] >> 4 != 6) return NO_TUNNEL;
    unsigned protocol = four ? at[9] : at[6];
    if (protocol != UDP && protocol != GRE && protocol != IP_IN_IP && protocol != IP6_IN_IP) return NO_TUNNEL;
    size_t header = four ? 20 : 40, total = four ? big16(at + 2) : 40u + big16(at + 4);
    if (total <= header || total > ip->size || (four && big16(at + 6) & FRAGMENT)) return NO_TUNNEL;
    *ip = (Span){at + header, total - header};
    if (protocol == UDP) return in_datagram(ip);
    return protocol == GRE ? in_gre(ip) : BARE;
}

bool tunnel_is_none(unsigned port, Span payload) {
    const uint8_t *at = payload.at;
    switch (port) {
    case VXLAN_PORT:
    case OLD_VXLAN_PORT:
    case GPE_PORT:
        return payload.size < LEAST_VXLAN || (at[0] & 0x48) != 0x08 || at[7] != 0;
    case GTP_PORT:
        return payload.size <= GTP_HEADER || at[0] >> 4 != GTP >> 12 || at[1] != (GTP & 0xFF);
    case GENEVE_PORT:
        return payload.size < GENEVE_HEADER || at[0] > 0x3F || (at[1] & 0xBF) != 0 || at[7] != 0;
    default:
        return false;
    }
}

bool tunnel_behind_labels(Span *data) {
    for (int labels = 0; labels < MAX_LABELS; labels++) {
        if (data->size <= 4) return false;
        uint32_t label = big32(data->at);
        behind(data, 4);
        if (label & BOTTOM) return data->at[0] >> 4 == 4 || data->at[0] >> 4 == 6;
    }
    return false;
}
