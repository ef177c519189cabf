/* The host of an HTTP request of the plainest shape; decode/plain_request.py says which that is, and why. */
#include "request.h"

#include "hello.h"

enum { MAX_PLAIN = 4096, MAX_HOST = 253, MAX_LENGTH = 9 /* digits of a body's */, MAX_PORT = 5 };

static const char *const METHODS[] = {"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "DELETE ", "PATCH "};
static const char VERSION[] = " HTTP/1.";

/* What is gone through: some of it is behind *at*. */
typedef struct {
    const uint8_t *at, *end;
} Cursor;

bool request_may_begin(uint8_t first) {
    return first == 'D' || first == 'G' || first == 'H' || first == 'O' || first == 'P';
}

static bool is_next(Cursor cursor, uint8_t byte) { return cursor.at < cursor.end && *cursor.at == byte; }

/* Go behind *text*, if that is next. */
static bool pass(Cursor *cursor, const char *text, size_t size) {
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, text, size) != 0) return false;
    cursor->at += size;
    return true;
}

static bool pass_method(Cursor *cursor) {
    for (size_t each = 0; each < sizeof METHODS / sizeof *METHODS; each++)
        if (pass(cursor, METHODS[each], strlen(METHODS[each]))) return true;
    return false;
}

/* Go behind a request line in origin form, of HTTP/1.0 or 1.1. */
static bool pass_line(Cursor *cursor) {
    if (!pass_method(cursor) || !is_next(*cursor, '/')) return false;
    while (cursor->at < cursor->end && *cursor->at > ' ' && *cursor->at <= '~') cursor->at++;
    if (!pass(cursor, VERSION, sizeof VERSION - 1)) return false;
    if (!is_next(*cursor, '0') && !is_next(*cursor, '1')) return false;
    cursor->at++;
    return pass(cursor, "\r\n", 2);
}

static void pass_blanks(Cursor *cursor) {
    while (is_next(*cursor, ' ') || is_next(*cursor, '\t')) cursor->at++;
}

/* Digits, at most so many; FAILED: there is none, or one more. */
static long number(Cursor *cursor, int most) {
    long value = 0;
    int count = 0;
    for (; cursor->at < cursor->end && (uint8_t)(*cursor->at - '0') < 10; cursor->at++) {
        if (++count > most) return FAILED;
        value = value * 10 + (*cursor->at - '0');
    }
    return count > 0 ? value : FAILED;
}

/* Whether a line begins with a lower-case *name*, in whatever case. */
static bool begins(Span line, const char *name) {
    size_t size = strlen(name);
    if (line.size < size) return false;
    for (size_t at = 0; at < size; at++)
        if ((line.at[at] >= 'A' && line.at[at] <= 'Z' ? line.at[at] | 0x20 : line.at[at]) != name[at]) return false;
    return true;
}

/* What stands behind a field's name and its colon, blanks left out; false: no colon is there. */
static bool value_of(Span line, size_t name, Cursor *value) {
    *value = (Cursor){line.at + name, line.at + line.size};
    if (!pass(value, ":", 1)) return false;
    pass_blanks(value);
    return true;
}

static bool ends(Cursor *cursor) {
    pass_blanks(cursor);
    return cursor->at == cursor->end;
}

static bool is_host_byte(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
}

static bool read_host(Span line, Request *request) {
    Cursor value;
    if (request->host.size > 0 || !value_of(line, strlen("host"), &value)) return false;
    request->host.at = value.at;
    while (value.at < value.end && is_host_byte(*value.at)) value.at++;
    request->host.size = (size_t)(value.at - request->host.at);
    if (request->host.size == 0 || request->host.size > MAX_HOST || !is_plain_host(request->host)) return false;
    if (pass(&value, ":", 1) && number(&value, MAX_PORT) == FAILED) return false;
    return ends(&value);
}

/* Take one field's line in; whether the request is still a plain one. */
static bool read_field(Span line, Request *request, long *body) {
    switch (line.at[0] | 0x20) {
        case 'h': return !begins(line, "host") || read_host(line, request);
        case 't': return !begins(line, "transfer-encoding");
        case 'c': break;
        default: return true;
    }
    if (!begins(line, "content-length")) return true;
    Cursor value;
    if (*body != FAILED || !value_of(line, strlen("content-length"), &value)) return false;
    *body = number(&value, MAX_LENGTH);
    return *body != FAILED && ends(&value);
}

bool request_read(Span data, Request *request) {
    *request = (Request){{data.at, 0}, 0};
    Cursor rest = {data.at, data.at + data.size};
    long body = FAILED; /* no length of one was said */
    if (data.size > MAX_PLAIN || !pass_line(&rest)) return false;
    for (;;) {
        const uint8_t *newline = memchr(rest.at, '\n', (size_t)(rest.end - rest.at));
        if (newline == NULL || newline == rest.at || newline[-1] != '\r') return false;
        Span line = {rest.at, (size_t)(newline - rest.at) - 1};
        rest.at = newline + 1;
        if (line.size == 0) break;
        if (!read_field(line, request, &body)) return false;
    }
    request->size = (size_t)(rest.at - data.at) + (body == FAILED ? 0 : (size_t)body);
    return request->host.size > 0 && data.size <= request->size;
}
