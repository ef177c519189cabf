/* Frames that surely hold no TCP and no UDP, and nothing odd; decode/plain_noise.py is the same in Python and says which. */
#include "native.h"

enum { ICMP = 1, ESP = 50, ICMP6 = 58, ESP_HEADER = 8, IP_IN_ESP = 4, IP6_IN_ESP = 41 };
enum { HEADER = 14, LLC = 8, ISL = 0x0C, LEAST_TYPE = 0x0600 };

/* Whether the last byte but a check may say that IP is in it, not encrypted. */
static bool may_be_clear(Span payload) {
    static const uint8_t checks[] = {12, 16, 0, 8, 24, 32};
    for (size_t at = 0; at < sizeof checks; at++) {
        if (payload.size <= checks[at] + 2u + ESP_HEADER) continue;
        uint8_t following = payload.at[payload.size - checks[at] - 1u];
        if (following == IP_IN_ESP || following == IP6_IN_ESP) return true;
    }
    return false;
}

/* Whether an ICMP message quotes a packet. */
static bool quotes(unsigned protocol, uint8_t type) {
    if (protocol == ICMP6) return type >= 1 && type <= 4;
    return (type >= 3 && type <= 5) || type == 11 || type == 12;
}

bool noise_is_carried(const Noise *noise, const Carried *carried) {
    unsigned protocol = carried->protocol;
    if (!bit_of(noise->protocols, protocol)) return true;
    Span payload = carried->body;
    if (payload.size > carried->length) payload.size = carried->length;
    if (protocol == ESP) return !may_be_clear(payload);
    return (protocol == ICMP || protocol == ICMP6) && (payload.size == 0 || !quotes(protocol, payload.at[0]));
}

static bool is_packet(const Noise *noise, Span ip) {
    Carried carried;
    return ip_open(ip, 0, &carried) && noise_is_carried(noise, &carried);
}

bool noise_is_frame(const Noise *noise, unsigned linktype, Span frame) {
    if (linktype != ETHERNET || frame.size < HEADER) return false;
    Span rest = {frame.at + HEADER, frame.size - HEADER};
    unsigned type = link_untagged(big16(frame.at + 12), &rest);
    if (type == IPV4 || type == IPV6) return is_packet(noise, rest);
    if (type >= LEAST_TYPE) return !bit_of(noise->types, type);
    if (frame.at[2] == ISL || rest.size < LLC) return false;
    return rest.at[0] != 0x06 && rest.at[0] != 0xFE && rest.at[0] != 0xAA;
}
