/* The server name of a ClientHello of the plainest shape; decode/plain_hello.py says which that is, and why. */
#include "hello.h"

enum { HEAD = 11, SMALLEST = 60, SESSION_AT = 43, MAX_SESSION = 32, MAX_HOST = 253, MAX_LABEL = 63, MAX_ALPN = 8 };
enum { SERVER_NAME = 0, SIGNATURES = 13, ALPN = 16, VERSIONS = 43, KEY_SHARE = 51, ECH = 0xFE0D, ESNI = 0xFFCE };
enum { OUTER_ECH = 6 }; /* its type, its cipher suite and the id */

/* Whether *width* bytes lie in *data* from *at* on. */
static bool has(Span data, size_t at, size_t width) { return at <= data.size && data.size - at >= width; }

size_t hello_size(Span data) {
    const uint8_t *at = data.at;
    if (data.size < HEAD) return 0;
    if (at[0] != 0x16 || at[1] != 3 || at[2] > 4 || at[5] != 1 || at[9] != 3) return 0;
    size_t record = big16(at + 3), message = (size_t)at[6] << 16 | big16(at + 7);
    return record == 4 + message ? 5 + record : 0;
}

static bool is_label_byte(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

bool is_plain_host(Span host) {
    size_t label = 0; /* where the last one begins */
    for (size_t at = 0; at < host.size; at++) {
        if (host.at[at] == '.') {
            if (at == label || at - label > MAX_LABEL) return false;
            label = at + 1;
        } else if (!is_label_byte(host.at[at])) {
            return false;
        }
    }
    size_t last = host.size - label;
    return label > 0 && last > 0 && last <= MAX_LABEL && host.at[label] >= 'a' && host.at[label] <= 'z';
}

/* The one host of a server_name extension; empty if it holds anything else. */
static Span host_of(Span content) {
    const Span none = {content.at, 0};
    if (content.size < 5 || big16(content.at) != content.size - 2 || content.at[2] != 0) return none;
    size_t size = big16(content.at + 3);
    Span host = {content.at + 5, content.size - 5};
    return size == host.size && size <= MAX_HOST && is_plain_host(host) ? host : none;
}

static bool is_alpn(Span content) {
    if (content.size < 2) return false;
    size_t at = 2, last = 2 + (size_t)big16(content.at);
    if (last > content.size) return false;
    for (int number = 0; number < MAX_ALPN && at < last; number++) at += 1 + (size_t)content.at[at];
    return at <= last;
}

static bool is_key_share(Span content) {
    if (content.size < 2) return false;
    size_t at = 2, last = 2 + (size_t)big16(content.at);
    if (last > content.size) return false;
    while (at < last) {
        if (last - at < 4) return false;
        at += 4 + (size_t)big16(content.at + at + 2);
    }
    return at == last;
}

/* Whether an extension holds nothing of which more than the host must be told. */
static bool is_dull(unsigned kind, Span content) {
    switch (kind) {
        case SIGNATURES: return content.size >= 2 && 2 + (size_t)big16(content.at) <= content.size;
        case VERSIONS: return content.size >= 1 && 1 + (size_t)content.at[0] <= content.size;
        case ALPN: return is_alpn(content);
        case KEY_SHARE: return is_key_share(content);
        case ESNI: return false;
        default: return true;
    }
}

/* Where the extensions begin, if they fill the rest of the message; 0 if not. */
static size_t extensions_at(Span data) {
    size_t session = data.at[SESSION_AT], at = SESSION_AT + 1 + session;
    if (session > MAX_SESSION || !has(data, at, 2)) return 0;
    at += 2 + (size_t)big16(data.at + at); /* ciphers */
    if (!has(data, at, 1)) return 0;
    at += 1 + (size_t)data.at[at]; /* compression methods */
    if (!has(data, at, 2)) return 0;
    return at + 2 + (size_t)big16(data.at + at) == data.size ? at + 2 : 0;
}

/* Take one extension in; whether the hello is still a plain one. */
static bool take(unsigned kind, Span content, Hello *hello) {
    if (kind == SERVER_NAME) {
        if (hello->host.size > 0) return false;
        hello->host = host_of(content);
        return hello->host.size > 0;
    }
    if (kind == ECH) {
        if (hello->ech != NO_ECH || content.size < OUTER_ECH || content.at[0] != 0) return false;
        hello->ech = content.at[5];
        return true;
    }
    return is_dull(kind, content);
}

bool hello_read(Span data, Hello *hello) {
    *hello = (Hello){{data.at, 0}, NO_ECH};
    if (data.size < SMALLEST || hello_size(data) != data.size) return false;
    size_t at = extensions_at(data);
    if (at == 0) return false;
    while (at < data.size) {
        if (!has(data, at, 4)) return false;
        unsigned kind = big16(data.at + at);
        Span content = {data.at + at + 4, big16(data.at + at + 2)};
        if (!has(data, at + 4, content.size) || !take(kind, content, hello)) return false;
        at += 4 + content.size;
    }
    return hello->host.size > 0;
}
