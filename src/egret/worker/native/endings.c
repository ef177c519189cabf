/* How held connections end, in which nothing was said or no more than a prelude; worker/quick.py, _ends and _conclude. */
#include "quick.h"

enum { RST = 0x04, MAX_UNREAD = 4096, HELLO_START = 0x16 /* of TLS; SSL 2 has the highest bit */ };

/* By Python, which knows what addresses are called. */
static int ask_nameless(Quick *quick, const Held *held, Span ends, Span back, int64_t time_ns) {
    PyObject *said = PyObject_CallFunction(quick->known.nameless, "y#y#kOL", ends.at, (Py_ssize_t)ends.size, back.at,
                                           (Py_ssize_t)back.size, (unsigned long)held->first,
                                           held->begun != NULL ? Py_True : Py_False, (long long)time_ns);
    return quick_is_said(quick, said);
}

/* What was asked about is done with, if nothing need be told of it. */
static int let_go(Quick *quick, Span ends, int done) {
    Held *held = done == YES ? quick_find(quick, ends, quick_hash(quick, ends)) : NULL; /* or it is there no more */
    if (held != NULL) quick_drop(quick, held);
    return done;
}

int endings_unread(Quick *quick, Held *held, Span data, int64_t time_ns) {
    uint8_t ends_bytes[ENDS_MAX], back_bytes[ENDS_MAX];
    if (data.size < 2 || data.size > MAX_UNREAD || data.at[0] == HELLO_START || data.at[0] & 0x80) return NO;
    memcpy(ends_bytes, held->ends, held->size);
    Span ends = {ends_bytes, held->size}, back = opposite(ends, back_bytes);
    PyObject *said = PyObject_CallFunction(quick->known.unread, "y#y#y#kL", data.at, (Py_ssize_t)data.size, ends.at,
                                           (Py_ssize_t)ends.size, back.at, (Py_ssize_t)back.size,
                                           (unsigned long)held->first, (long long)time_ns);
    return let_go(quick, ends, quick_is_said(quick, said));
}

/* Whether nothing need be told of a connection that is over. */
static int conclude(Quick *quick, Held *held, int64_t time_ns) {
    uint8_t ends_bytes[ENDS_MAX], back_bytes[ENDS_MAX];
    memcpy(ends_bytes, held->ends, held->size);
    Span ends = {ends_bytes, held->size}, back = opposite(ends, back_bytes);
    int done;
    if (held->begun != NULL || held->accepted) {
        done = ask_nameless(quick, held, ends, back, time_ns);
    } else { /* an attempt that was refused */
        int followed = quick_is_followed(quick, held->other);
        done = followed == NO ? quick_decide(quick, held->key, held->other, held->first) : followed == YES ? NO : FAILED;
    }
    return let_go(quick, ends, done);
}

int endings_client(Quick *quick, Held *held, uint32_t seq, uint8_t flags, int64_t time_ns) {
    const Begun *begun = held->begun;
    if (flags & RST ? begun != NULL : seq != held->first + (begun == NULL ? 0 : (uint32_t)begun->there))
        return YES; /* a reset, or what is missing is on its way: track/streams.py, _ended */
    return begun != NULL && (begun->size > 0 || begun->tunnel) ? NO : conclude(quick, held, time_ns);
}

int endings_server(Quick *quick, Held *held, uint8_t flags, int64_t time_ns) {
    if (flags & RST) return held->begun != NULL ? YES : conclude(quick, held, time_ns);
    held->accepted = true;
    return YES;
}
