/* Packets with long headers, and what is in client Initials; decode/quic.py says all of it, and is the oracle. */
#include "initials.h"

enum { PADDING = 0, PING = 1, ACK = 2, ACK_WITH_ECN = 3, CRYPTO = 6, CLOSE = 0x1C, MAX_RANGES = 1024 };

/* Where a reader is; nothing is read behind the end. */
typedef struct {
    const uint8_t *at;
    size_t position, end;
    bool short_of; /* something was missing */
} Reader;

/* RFC 9000 section 16. */
static uint64_t varint(Reader *reader) {
    if (reader->position >= reader->end) {
        reader->short_of = true;
        return 0;
    }
    size_t width = (size_t)1 << (reader->at[reader->position] >> 6);
    if (width > reader->end - reader->position) {
        reader->short_of = true;
        return 0;
    }
    uint64_t value = reader->at[reader->position] & 0x3F;
    for (size_t byte = 1; byte < width; byte++) value = value << 8 | reader->at[reader->position + byte];
    reader->position += width;
    return value;
}

/* *size* bytes. */
static Span taken(Reader *reader, uint64_t size) {
    if (reader->short_of || size > reader->end - reader->position) {
        reader->short_of = true;
        return (Span){reader->at, 0};
    }
    Span span = {reader->at + reader->position, (size_t)size};
    reader->position += span.size;
    return span;
}

static Span id(Reader *reader) {
    Span size = taken(reader, 1);
    if (size.size == 1 && size.at[0] > MAX_CID) reader->short_of = true;
    return taken(reader, size.size == 1 ? size.at[0] : 0);
}

bool header_read(Span datagram, size_t start, Header *header) {
    Reader reader = {datagram.at, start, datagram.size, false};
    Span head = taken(&reader, 5);
    if (reader.short_of || big32(head.at + 1) != 1) return false;
    uint8_t kind = head.at[0] & 0xF0;
    if (kind != INITIAL && kind != ZERO_RTT && kind != HANDSHAKE) return false;
    *header = (Header){.kind = kind, .start = start};
    header->dcid = id(&reader);
    header->scid = id(&reader);
    if (kind == INITIAL) header->has_token = taken(&reader, varint(&reader)).size > 0;
    uint64_t length = varint(&reader);
    header->payload = reader.position;
    taken(&reader, length);
    header->end = reader.position;
    return !reader.short_of;
}

bool initial_unseal(const Ciphers *ciphers, const Keys *keys, Span datagram, const Header *header, uint8_t *clear,
                    Span *frames) {
    uint8_t mask[SAMPLE], head[MAX_INITIAL];
    size_t payload = header->payload;
    if (datagram.size > MAX_INITIAL || payload + 4 + SAMPLE > header->end) return false;
    if (!ciphers_mask(ciphers, keys, datagram.at + payload + 4, mask)) return false;
    memcpy(head, datagram.at + header->start, payload + 4 - header->start);
    head[0] ^= mask[0] & 0x0F;
    size_t width = (head[0] & 3u) + 1, size = payload - header->start;
    uint32_t number = 0; /* small in a client's Initial: the truncated one is the whole (RFC 9000 appendix A.3) */
    for (size_t byte = 0; byte < width; byte++)
        number = number << 8 | (head[size + byte] ^= mask[1 + byte]);
    Span sealed = {datagram.at + payload + width, header->end - payload - width};
    if (!ciphers_unseal(ciphers, keys, number, (Span){head, size + width}, sealed, clear)) return false;
    *frames = (Span){clear, sealed.size - TAG};
    return true;
}

/* RFC 9000 section 19.3: largest, delay, range count, first range, then gap and length pairs. */
static void skip_ack(Reader *reader, bool with_ecn) {
    varint(reader);
    varint(reader);
    uint64_t ranges = varint(reader);
    if (ranges > MAX_RANGES) reader->short_of = true;
    for (uint64_t left = 1 + 2 * ranges + (with_ecn ? 3 : 0); left > 0 && !reader->short_of; left--) varint(reader);
}

/* Section 19.19: error code, frame type, reason phrase. */
static void skip_close(Reader *reader) {
    varint(reader);
    varint(reader);
    taken(reader, varint(reader));
}

/* Most of many an Initial, so it is skipped by words. */
static void skip_padding(Reader *reader) {
    for (uint64_t word; reader->end - reader->position >= sizeof word; reader->position += sizeof word) {
        memcpy(&word, reader->at + reader->position, sizeof word);
        if (word != 0) break;
    }
    while (reader->position < reader->end && reader->at[reader->position] == PADDING) reader->position++;
}

int initial_parts(Span frames, Part *parts, int room) {
    Reader reader = {frames.at, 0, frames.size, false};
    int count = 0;
    while (reader.position < reader.end && !reader.short_of) {
        uint8_t kind = reader.at[reader.position++];
        if (kind == CRYPTO) {
            uint64_t offset = varint(&reader);
            Span data = taken(&reader, varint(&reader));
            if (count == room || offset > UINT32_MAX) return reader.short_of ? ODD : MANY;
            parts[count++] = (Part){(uint32_t)offset, (uint32_t)data.size, data.at};
        } else if (kind == PADDING) {
            skip_padding(&reader);
        } else if (kind == ACK || kind == ACK_WITH_ECN) {
            skip_ack(&reader, kind == ACK_WITH_ECN);
        } else if (kind == CLOSE) {
            skip_close(&reader);
        } else if (kind != PING) {
            return ODD;
        }
    }
    return reader.short_of ? ODD : count;
}
