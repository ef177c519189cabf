/* initials.c: packets with long headers, and what is in client Initials. */
#ifndef EGRET_INITIALS_H
#define EGRET_INITIALS_H

#include "ciphers.h"

enum { MAX_CID = 20, MAX_INITIAL = 4096 /* bytes of a datagram */ };
enum { LONG = 0x80, INITIAL = 0xC0, ZERO_RTT = 0xD0, HANDSHAKE = 0xE0 }; /* how packets of version 1 begin */

/* Of version 1, and no Retry; *start*, *payload* and *end* are offsets in its datagram. */
typedef struct {
    uint8_t kind;
    bool has_token;
    Span dcid, scid;
    size_t start, payload, end;
} Header;

/* A part of a hello. */
typedef struct {
    uint32_t offset, size;
    const uint8_t *at;
} Part;

/* Whether there is one at *start*; NO is not to say that there is none: decode/quic.py, parse_long_header. */
bool header_read(Span datagram, size_t start, Header *header);

/* The frames of one packet, in *clear* (MAX_INITIAL bytes); false where other keys sealed it. */
bool initial_unseal(const Ciphers *ciphers, const Keys *keys, Span datagram, const Header *header, uint8_t *clear,
                    Span *frames);

/* The CRYPTO frames among *frames*; how many, -1 where there is anything odd about any, MANY where there are more. */
enum { ODD = -1, MANY = -2 };
int initial_parts(Span frames, Part *parts, int room);

#endif
