/* What clients say before a hello, of the plainest shapes; track/preludes.py, is_plain_prelude. */
#include "prelude.h"

#include <strings.h>

enum { MAX_PLAIN = 512, MYSQL_SSL = 0x08 };

static bool begins(Span data, const char *with, size_t size) { return data.size >= size && memcmp(data.at, with, size) == 0; }

static bool begins_word(Span data, const char *word) {
    size_t size = strlen(word);
    return data.size >= size && strncasecmp((const char *)data.at, word, size) == 0;
}

static bool may_be_http(Span data) {
    static const char *const methods[] = {"GET", "HEAD", "DELETE", "OPTIONS"};
    for (int each = 0; each < 4; each++)
        if (begins_word(data, methods[each])) return true;
    for (size_t at = 0; at < data.size; at++)
        if ((data.at[at] | 0x20) == 'h' && begins_word((Span){data.at + at, data.size - at}, "http/")) return true;
    return false;
}

static bool may_hold_hello(Span data) {
    for (size_t at = 0; at < data.size; at++)
        if (data.at[at] == 0x16 && (at + 1 == data.size || data.at[at + 1] == 3)) return true;
    return false;
}

static bool is_text(Span data) {
    uint8_t first = data.at[0], letter = first | 0x20, last = data.at[data.size - 1];
    bool is_word = (first >= '0' && first <= '9') || (letter >= 'a' && letter <= 'z' && letter != 'p');
    if (data.size < 2 || !(is_word ? last == '\n' : first == '<' && (last == '\n' || last == '>'))) return false;
    for (size_t at = 0; at < data.size; at++) {
        uint8_t byte = data.at[at];
        if ((byte < ' ' || byte > '~') && byte != '\t' && byte != '\r' && byte != '\n') return false;
    }
    return true;
}

/* Requests of PostgreSQL's clients for encryption, one behind the other. */
static bool is_postgres(Span data) {
    size_t at = 0;
    while (data.size - at >= 8 && begins((Span){data.at + at, 8}, "\0\0\0\x08\x04\xd2\x16", 7) &&
           (data.at[at + 7] == 0x2F || data.at[at + 7] == 0x30))
        at += 8;
    return at == data.size;
}

bool prelude_is_plain(Span data) {
    if (data.size < 2 || data.size > MAX_PLAIN || may_hold_hello(data) || may_be_http(data)) return false;
    if (data.at[0] == 0) return is_postgres(data);
    if (begins(data, "\x20\0\0\1", 4)) return data.size >= 6 && data.at[5] & MYSQL_SSL;
    if (begins(data, "\3\0\0", 3)) return data.size >= 6 && data.at[5] == 0xE0;
    return data.at[0] == 0x30 || is_text(data); /* LDAP */
}
