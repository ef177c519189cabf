/* Look-ups that are counted and not read; worker/plain.py says which. */
#include "native.h"

enum { HEADER = 12, UDP_HEADER = 8, PORT = 53, MANY = 64, MAX_LABEL = 63, MAX_NAME = 253 };
enum { OPCODE_AND_SIDE = 0xF8, RESPONSE = 0x80 };
enum { FLAGGED = 2, APART = 1200, DTLS = 0x16FE }; /* no plain question, only for the name; where QUIC or DTLS may be */
enum { TYPE_A = 1, TYPE_SOA = 6, TYPE_AAAA = 28, TYPE_OPT = 41, CLASS_IN = 1 };

/* The question behind the header: its name up to the first zero byte, type and class. Empty where it is not whole. */
static Span question_of(Span wire) {
    const uint8_t *zero = memchr(wire.at + HEADER, 0, wire.size - HEADER);
    size_t size = zero == NULL ? 0 : (size_t)(zero - wire.at) + 5 - HEADER;
    return (Span){wire.at + HEADER, HEADER + size <= wire.size && size > 5 ? size : 0};
}

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/* Whether a name is some runs of ordinary bytes with a dot between each two. */
static bool is_ordinary(const char *name, size_t size) {
    for (size_t at = 0; at < size; at++) {
        bool is_dot = name[at] == '.';
        if (!is_dot && !is_name_byte(name[at])) return false;
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

/* Whether no signature names what a question, that is not known yet, asks for; FLAGGED if that alone is in the way. */
static int consider(const Lookups *lookups, Span question) {
    char name[MAX_NAME];
    size_t size = name_of(question, name);
    if (size == 0) return NO;
    PyObject *host = PyUnicode_FromStringAndSize(name, (Py_ssize_t)size);
    PyObject *said = host == NULL ? NULL : PyObject_CallOneArg(lookups->flagged, host);
    int flagged = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(host);
    Py_XDECREF(said);
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

/* Whether one of the labels of a plain question begins at *offset* of its message. */
static bool begins_label(Span wire, size_t end, size_t offset) {
    for (size_t at = HEADER; at + 5 < end; at += 1u + wire.at[at])
        if (at == offset) return true;
    return offset == end - 5; /* the root behind the last label */
}

/* Whether one OPT record takes the rest of the message (RFC 6891 section 6.1.2). */
static bool ends_with_edns(Span wire, size_t at) {
    if (wire.size < at + 11 || wire.at[at] != 0 || big16(wire.at + at + 1) != TYPE_OPT) return false;
    return at + 11 + big16(wire.at + at + 9) == wire.size;
}

/* How many addresses the question's own name has in a response; -1 if it holds anything but the plainest. */
static int addresses(Span wire, size_t end, int answers, int records) {
    size_t at = end;
    int found = 0;
    if (records > MANY) return -1;
    for (int number = 0; number < records; number++) {
        size_t owner = 0;
        if (at + 2 > wire.size) return -1;
        if (wire.at[at] >= 0xC0) {
            owner = big16(wire.at + at) & 0x3FFF;
            at += 2;
            if (!begins_label(wire, end, owner)) return -1;
        } else if (wire.at[at++] != 0) {
            return -1;
        }
        if (at + 10 > wire.size) return -1;
        unsigned type = big16(wire.at + at), class = big16(wire.at + at + 2), size = big16(wire.at + at + 8);
        at += 10 + size;
        if (type == TYPE_A || type == TYPE_AAAA) {
            bool own = owner == HEADER && number < answers && class == CLASS_IN;
            if (!own || size != (type == TYPE_A ? 4 : 16)) return -1;
            found++;
        } else if (type != TYPE_SOA && type != TYPE_OPT) {
            return -1;
        }
    }
    return at == wire.size ? found : -1;
}

/* Whether nobody wants the look-ups between two addresses; then that is remembered. */
static int is_dull(Lookups *lookups, Table *table, Span ends, PyObject *answer) {
    Span both = {ends.at, ends.size - 4};
    if (table_get(table, both) >= 0) return YES;
    PyObject *key = PyBytes_FromStringAndSize((const char *)ends.at, (Py_ssize_t)ends.size);
    PyObject *said = key == NULL ? NULL : PyObject_CallFunctionObjArgs(lookups->wanted, key, answer, NULL);
    int wanted = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(key);
    Py_XDECREF(said);
    if (wanted != NO) return wanted == YES ? NO : FAILED;
    return table_put(table, both, 0);
}

static int take_question(Lookups *lookups, Span wire, size_t end, Span ends, uint64_t key, int64_t time_ns) {
    int more = big16(wire.at + 10);
    if (big16(wire.at + 6) || big16(wire.at + 8) || more > 1) return NO;
    if (more ? !ends_with_edns(wire, end) : end != wire.size) return NO;
    int dull = is_dull(lookups, &lookups->asking, ends, Py_False);
    if (dull != YES) return dull;
    if (copies_seen(lookups->copies, key, time_ns)) lookups->repeated++;
    else lookups->queries++;
    return YES;
}

static int take_answer(Lookups *lookups, Span wire, size_t end, Span ends, uint64_t key, int64_t time_ns) {
    int answers = big16(wire.at + 6);
    int found = addresses(wire, end, answers, answers + big16(wire.at + 8) + big16(wire.at + 10));
    if (found < 0) return NO;
    int dull = is_dull(lookups, &lookups->answering, ends, Py_True);
    if (dull != YES) return dull;
    if (copies_seen(lookups->copies, key, time_ns)) {
        lookups->repeated++;
        return YES;
    }
    lookups->answers += found > 0;
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
    if (copies_seen(lookups->copies, key, time_ns)) {
        lookups->repeated++;
        return YES;
    }
    Py_XSETREF(lookups->heard, Py_BuildValue("y#y#", wire.at, (Py_ssize_t)wire.size, ends.at, (Py_ssize_t)ends.size));
    return lookups->heard == NULL ? FAILED : NO;
}

/* Count a UDP datagram, header and all, if it is a plain look-up; NO leaves it to the observer. */
int lookups_take(Lookups *lookups, Span datagram, Span ends, int64_t time_ns) {
    if (datagram.size < UDP_HEADER + HEADER) return NO;
    if (big16(datagram.at) != PORT && big16(datagram.at + 2) != PORT) return NO;
    if (big16(datagram.at + 4) != datagram.size) return NO;
    Span wire = {datagram.at + UDP_HEADER, datagram.size - UDP_HEADER};
    int side = wire.at[2] & OPCODE_AND_SIDE;
    if (big16(wire.at + 4) != 1 || (side != 0 && side != RESPONSE)) return NO;
    Span question = question_of(wire);
    if (question.size == 0) return NO;
    uint64_t key = copies_key(lookups->copies, ends, wire); /* early: what lies there takes its time to come */
    int plain = is_plain(lookups, question);
    if (plain == FLAGGED) return hear(lookups, datagram, wire, ends, key, time_ns);
    if (plain != YES) return plain;
    size_t end = HEADER + question.size;
    return (side == 0 ? take_question : take_answer)(lookups, wire, end, ends, key, time_ns);
}
