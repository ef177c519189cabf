/* Look-ups that are counted and not read; worker/plain.py says which. */
#include "records.h"

enum { HEADER = 12, UDP_HEADER = 8, PORT = 53, MAX_LABEL = 63 };
enum { OPCODE_AND_SIDE = 0xF8, RESPONSE = 0x80 };
enum { FLAGGED = 2, APART = 1200, DTLS = 0x16FE }; /* no plain question, only for the name; where QUIC or DTLS may be */
enum { TYPE_OPT = 41, SMALLEST_RECORD = 11 };

/* A message, where its question ends, and whether there was more of it on the wire. */
typedef struct {
    Span wire;
    size_t end;
    bool cut;
} Message;

/* The question behind the header: its name up to the first zero byte, type and class. Empty where it is not whole. */
static Span question_of(Span wire) {
    const uint8_t *zero = memchr(wire.at + HEADER, 0, wire.size - HEADER);
    size_t size = zero == NULL ? 0 : (size_t)(zero - wire.at) + 5 - HEADER;
    return (Span){wire.at + HEADER, HEADER + size <= wire.size && size > 5 ? size : 0};
}

/* Whether a name is some runs of ordinary bytes with a dot between each two. */
static bool is_ordinary(const char *name, size_t size) {
    for (size_t at = 0; at < size; at++) {
        bool is_dot = name[at] == '.';
        if (!is_dot && lower((uint8_t)name[at]) == 0) return false;
        if (is_dot && (at == 0 || name[at - 1] == '.')) return false;
    }
    return name[size - 1] != '.';
}

/* The name of a question in lower case; its size, 0 if it is none of the plainest shape. */
static size_t name_of(Span question, char name[MAX_NAME]) {
    size_t at = 0, size = 0, end = question.size - 5;
    while (question.at[at] != 0) {
        size_t label = question.at[at];
        if (label > MAX_LABEL || at + 1 + label > end || size + (size > 0) + label > MAX_NAME) return 0;
        if (size > 0) name[size++] = '.';
        for (size_t byte = at + 1; byte <= at + label; byte++) {
            char letter = (char)question.at[byte];
            name[size++] = letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter;
        }
        at += 1 + label;
    }
    return at == end && is_ordinary(name, size) ? size : 0;
}

static int is_flagged(const Lookups *lookups, const char *name, size_t size) {
    PyObject *host = PyUnicode_FromStringAndSize(name, (Py_ssize_t)size);
    PyObject *said = host == NULL ? NULL : PyObject_CallOneArg(lookups->flagged, host);
    int flagged = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(host);
    Py_XDECREF(said);
    return flagged;
}

/* Whether no signature names what a question, that is not known yet, asks for; FLAGGED if that alone is in the way. */
static int consider(const Lookups *lookups, Span question) {
    char name[MAX_NAME];
    size_t size = name_of(question, name);
    if (size == 0) return NO;
    int flagged = is_flagged(lookups, name, size);
    return flagged == YES ? FLAGGED : flagged == NO ? YES : FAILED;
}

/* Whether no signature names what is asked for, and the question is of the plainest shape. worker/plain.py, labels_of
 * FLAGGED: a signature does. */
static int is_plain(Lookups *lookups, Span question) {
    uint64_t hash = table_hash(&lookups->known, question);
    int plain = table_get_hash(&lookups->known, hash);
    if (plain >= 0) return plain;
    plain = consider(lookups, question);
    return plain == FAILED || table_put_hash(&lookups->known, hash, (uint8_t)plain) == FAILED ? FAILED : plain;
}

/* Whether one OPT record takes the rest of the message (RFC 6891 section 6.1.2). */
static bool ends_with_edns(Span wire, size_t at) {
    if (wire.size < at + 11 || wire.at[at] != 0 || big16(wire.at + at + 1) != TYPE_OPT) return false;
    return at + 11 + big16(wire.at + at + 9) == wire.size;
}

/* Whether no signature names what addresses belong to; asked of Python once. */
static int is_unnamed(void *context, const Name *name) {
    Lookups *lookups = context;
    uint64_t hash = table_hash(&lookups->known, (Span){(const uint8_t *)name->text, name->size});
    int known = table_get_hash(&lookups->known, hash);
    if (known >= 0) return known;
    int flagged = is_flagged(lookups, name->text, name->size);
    if (flagged == FAILED || table_put_hash(&lookups->known, hash, flagged == NO) == FAILED) return FAILED;
    return flagged == NO;
}

/* Where two addresses of IPv4 are, if they are among the latest. Anybody can foresee where, so that others push them out: then
 * the table is asked, whose keyed hash is what this saves. */
static Dull *lately(Lookups *lookups, const Table *table, Span both, uint64_t *key) {
    Dull *dulls = table == &lookups->asking ? lookups->lately_asking : lookups->lately_answering;
    memcpy(key, both.at, sizeof *key);
    return &dulls[*key * 0x9E3779B97F4A7C15u >> (64 - DULL_BITS)];
}

/* Whether it is known that nobody wants the look-ups between two addresses. */
static bool is_known_dull(Lookups *lookups, const Table *table, Span both) {
    uint64_t key;
    if (both.size != sizeof key) return table_get(table, both) >= 0;
    Dull *dull = lately(lookups, table, both, &key);
    if (dull->both == key && dull->generation == table->generation) return true;
    if (table_get(table, both) < 0) return false;
    *dull = (Dull){key, table->generation};
    return true;
}

/* Whether nobody wants the look-ups between two addresses; then that is remembered. */
static int is_dull(Lookups *lookups, Table *table, Span ends, PyObject *answer) {
    Span both = {ends.at, ends.size - 4};
    if (is_known_dull(lookups, table, both)) return YES;
    PyObject *key = PyBytes_FromStringAndSize((const char *)ends.at, (Py_ssize_t)ends.size);
    PyObject *said = key == NULL ? NULL : PyObject_CallFunctionObjArgs(lookups->wanted, key, answer, NULL);
    int wanted = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(key);
    Py_XDECREF(said);
    if (wanted != NO) return wanted == YES ? NO : FAILED;
    return table_put(table, both, 0);
}

/* Whether a datagram with this key is the second of its kind, which is counted; of a message over TCP (no key) its sequence
 * numbers say it. */
static bool is_copy(Lookups *lookups, const uint64_t *key, int64_t time_ns) {
    bool copy = key != NULL && copies_seen(lookups->copies, *key, time_ns);
    lookups->repeated += copy;
    return copy;
}

/* Whether nothing but EDNS is behind the question; if the snap length *cut* it off, nothing else that is whole. */
static bool is_all(Span wire, size_t end, bool cut) {
    int more = big16(wire.at + 10);
    if (big16(wire.at + 6) || big16(wire.at + 8) || more > 1) return false;
    if (more == 0) return end == wire.size;
    if (!cut) return ends_with_edns(wire, end);
    return wire.size - end < SMALLEST_RECORD || (wire.at[end] == 0 && big16(wire.at + end + 1) == TYPE_OPT);
}

static int take_question(Lookups *lookups, Message message, Span ends, const uint64_t *key, int64_t time_ns) {
    if (!is_all(message.wire, message.end, message.cut)) return NO;
    int dull = is_dull(lookups, &lookups->asking, ends, Py_False);
    if (dull != YES) return dull;
    lookups->queries += !is_copy(lookups, key, time_ns);
    return YES;
}

static int take_answer(Lookups *lookups, Message message, Span ends, const uint64_t *key, int64_t time_ns) {
    Span wire = message.wire;
    int records = big16(wire.at + 6) + big16(wire.at + 8) + big16(wire.at + 10);
    Told told;
    int plain = records_read(wire, message.end, records, message.cut, is_unnamed, lookups, &told);
    if (plain != YES) return plain;
    int dull = is_dull(lookups, &lookups->answering, ends, Py_True);
    if (dull != YES) return dull;
    if (is_copy(lookups, key, time_ns)) return YES;
    lookups->answers += told.answers;
    lookups->aliases += told.aliases;
    size_t size = (ends.size - 4) / 2;
    return waiting_add(lookups->waiting, (Span){ends.at + size, size}, time_ns, wire);
}

/* A look-up of what a signature names is the observer's to read. Where that is all that anybody wants of it, so that a
 * copy is only counted, it gets the message and not a frame. */
static int hear(Lookups *lookups, Span datagram, Span wire, Span ends, uint64_t key, int64_t time_ns) {
    unsigned source = big16(datagram.at), destination = big16(datagram.at + 2);
    unsigned other = source == PORT ? destination : source;
    if (lookups->apart == NULL || bit_of(lookups->apart, other)) return NO;
    if (wire.size >= APART || big16(wire.at) == DTLS) return NO;
    bool answer = wire.at[2] & RESPONSE;
    Table *table = answer ? &lookups->answering : &lookups->asking;
    int dull = is_dull(lookups, table, ends, answer ? Py_True : Py_False);
    if (dull != YES) return dull;
    if (is_copy(lookups, &key, time_ns)) return YES;
    int heard = runs_hear(lookups, wire, ends, answer, time_ns);
    if (heard != UNKNOWN) return heard;
    Py_XSETREF(lookups->heard, Py_BuildValue("y#y#", wire.at, (Py_ssize_t)wire.size, ends.at, (Py_ssize_t)ends.size));
    return lookups->heard == NULL ? FAILED : NO;
}

/* The question of a message that may be a plain look-up; empty if it is none. */
static Span asked_in(Span wire) {
    int side = wire.at[2] & OPCODE_AND_SIDE;
    if (big16(wire.at + 4) != 1 || (side != 0 && side != RESPONSE)) return (Span){wire.at, 0};
    return question_of(wire);
}

static int take_plain(Lookups *lookups, Message message, Span ends, const uint64_t *key, int64_t time_ns) {
    bool answer = message.wire.at[2] & RESPONSE;
    return (answer ? take_answer : take_question)(lookups, message, ends, key, time_ns);
}

/* Count a UDP datagram of *length* bytes, header and all, if it is a plain look-up; NO leaves it to the observer. What the
 * snap length cut off is missed by nobody: track/lookups.py, ``feed``. */
int lookups_take(Lookups *lookups, Span datagram, size_t length, Span ends, int64_t time_ns) {
    if (datagram.size < UDP_HEADER + HEADER) return NO;
    if (big16(datagram.at) != PORT && big16(datagram.at + 2) != PORT) return NO;
    if (big16(datagram.at + 4) != length) return NO;
    Span wire = {datagram.at + UDP_HEADER, datagram.size - UDP_HEADER}, question = asked_in(wire);
    if (question.size == 0) return NO;
    Message message = {.wire = wire, .end = HEADER + question.size, .cut = datagram.size < length};
    uint64_t key = copies_key(lookups->copies, ends, wire); /* early: what lies there takes its time to come */
    int plain = is_plain(lookups, question);
    if (plain == FLAGGED) return message.cut ? NO : hear(lookups, datagram, wire, ends, key, time_ns);
    return plain == YES ? take_plain(lookups, message, ends, &key, time_ns) : plain;
}

int lookups_take_message(Lookups *lookups, Span wire, Span ends, int64_t time_ns) {
    if (wire.size < HEADER) return NO;
    Span question = asked_in(wire);
    int plain = question.size == 0 ? NO : is_plain(lookups, question);
    if (plain == FLAGGED) return NO;
    Message message = {.wire = wire, .end = HEADER + question.size};
    return plain == YES ? take_plain(lookups, message, ends, NULL, time_ns) : plain;
}
