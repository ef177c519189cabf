/* Whether a frame is to be taken where it lies, or is the observer's. worker/sluice.py is the same in Python, says why
 * each test is there, and is the oracle of this in tests/property/test_native_gate.py. */
#include "gate.h"
#include "quick.h"
#include "trains.h"

#include <strings.h>

enum { TCP = 6, UDP = 17, DNS = 53, SETTLING = 0x07, FIN = 0x01 };
enum { SMALLEST_6 = 40 + 20, LEAST = 20 /* of TCP and UDP: what is looked at */ };
enum { CHANGE = 0x14, ALERT = 0x15, HELLO_START = 0x16, MAX_METHOD = 24 }; /* what records and requests begin with */
enum { MAX_LINE = 2048 };
enum { FRAGMENT = 0x3FFF };

static bool is_letter(uint8_t byte) { return (uint8_t)((byte | 0x20) - 'a') < 26; }

static bool is_in_method(uint8_t byte) {
    return is_letter(byte) || (uint8_t)(byte - '0') < 10 || byte == '_' || byte == '-';
}

/* A letter, more of a method, what ends it, and a version before the line ends. */
static bool begins_request(Span payload) {
    size_t size = 1, end = payload.size > MAX_METHOD ? MAX_METHOD : payload.size;
    if (!is_letter(payload.at[0])) return false;
    while (size < end && is_in_method(payload.at[size])) size++;
    if (size == 1 || size == payload.size || (payload.at[size] != ' ' && payload.at[size] != '\t')) return false;
    end = payload.size > MAX_LINE ? MAX_LINE : payload.size;
    const uint8_t *stop = memchr(payload.at + size, '\n', end - size);
    for (const uint8_t *at = payload.at + size; stop != NULL && at + 5 <= stop; at++)
        if (at[4] == '/' && strncasecmp((const char *)at, "HTTP", 4) == 0) return true;
    return false;
}

/* Whether a segment may be what is awaited: first bytes as worker/gate.py has them, then track/late.py, may_begin. */
static bool is_awaited(int awaited, Span payload) {
    const uint8_t *at = payload.at;
    if (awaited == NOTHING || payload.size == 0) return false;
    if (at[0] == HELLO_START) return payload.size < 2 || at[1] == 3;
    if (at[0] == CHANGE || at[0] == ALERT) {
        size_t behind = at[0] == CHANGE ? 6 : 7;
        return behind < payload.size && (at[behind] == ALERT || at[behind] == HELLO_START);
    }
    return awaited == RECORDS_AND_REQUESTS && begins_request(payload);
}

/* Python was called. */
static void called(const Sluice *self) {
    if (self->quick != NULL) quick_python_called(self->quick);
}

/* What Python says of a direction. */
static PyObject *ask(const Sluice *self, PyObject *whom, Span ends) {
    PyObject *key = bytes_of(ends);
    PyObject *said = key == NULL ? NULL : PyObject_CallOneArg(whom, key);
    Py_XDECREF(key);
    called(self);
    return said;
}

/* What is awaited in a direction; NO: everything. */
static int awaits(const Sluice *self, Span ends, int *awaited) {
    int known = self->quick == NULL ? UNKNOWN : quick_awaits(self->quick, ends, awaited);
    if (known != UNKNOWN) return known;
    PyObject *said = ask(self, self->watched, ends);
    *awaited = said == NULL ? -1 : (int)PyLong_AsLong(said);
    Py_XDECREF(said);
    return PyErr_Occurred() ? FAILED : *awaited >= 0;
}

/* A direction of which little is awaited is remembered, unless *payload* may be just that. */
static int quieten(Sluice *self, Span ends, uint64_t hash, Span payload, int metered) {
    int awaited, known = awaits(self, ends, &awaited);
    if (known != YES) return known;
    if (is_awaited(awaited, payload)) return NO;
    return table_put_hash(&self->quiet, hash, (uint8_t)(awaited | metered));
}

static int is_measured(const Sluice *self, Span ends) {
    if (self->quick != NULL) return quick_is_measured(self->quick, ends);
    PyObject *said = ask(self, self->measured, ends);
    int measured = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return measured;
}

/* Whether a segment of a direction that is not known says nothing that anybody waits for; *payload* is as much of it as
 * is there. METERED where its bytes are to be counted. */
static int is_idle(Sluice *self, Span ends, uint64_t hash, Span payload, bool is_empty) {
    int measured = is_measured(self, ends);
    if (measured == FAILED) return FAILED;
    if (!is_empty && (big16(ends.at + ends.size - 4) == DNS || big16(ends.at + ends.size - 2) == DNS)) return NO;
    int idle = is_empty ? YES : quieten(self, ends, hash, payload, measured == YES ? METERED : 0);
    return idle == YES && measured == YES ? METERED : idle;
}

/* Count a segment that says nothing more than how far its connection got. */
static int measure(Sluice *self, Span ends, const uint8_t *packet, long length, int64_t time_ns) {
    PyObject *said = PyObject_CallFunction(self->measure, "y#kkilL", ends.at, (Py_ssize_t)ends.size,
                                           (unsigned long)big32(packet + 4), (unsigned long)big32(packet + 8),
                                           (int)packet[13], length, (long long)time_ns);
    Py_XDECREF(said);
    called(self);
    return said == NULL ? FAILED : YES;
}

/* Whether it is one of those that connections begin with, and held; METERED where its bytes are to be counted. */
static int is_held(Sluice *self, const Frame *frame, Span ends, uint64_t hash, Span payload, uint32_t number,
                   uint8_t flags) {
    if (self->quick != NULL)
        return quick_take(self->quick, ends, hash, payload, number, flags, frame->time_ns, frame->interface, true);
    Py_ssize_t start = payload.at - frame->base;
    PyObject *said = PyObject_CallFunction(self->segment, "Onny#kiLO", frame->buffer, start,
                                           start + (Py_ssize_t)payload.size, ends.at, (Py_ssize_t)ends.size,
                                           (unsigned long)number, (int)flags, (long long)frame->time_ns,
                                           frame->interface);
    int held = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return held;
}

/* The hash of a direction of TCP, which may have been foreseen. */
static uint64_t hash_of_ends(const Sluice *self, Span ends) {
    return ends.at == self->here.ends ? self->here.hash : table_hash(&self->quiet, ends);
}

/* Count a TCP segment of *length* bytes; *packet* is as much of it as is there, its header at the least. */
static int take_segment(Sluice *self, const Frame *frame, Span ends, Span packet, long length) {
    long header = packet.at[12] >> 2 & 0x3C;
    uint8_t flags = packet.at[13];
    if (header < 20 || header > length) return NO;
    size_t there = packet.size > (size_t)header ? packet.size - (size_t)header : 0;
    Span payload = {packet.at + header, there};
    uint64_t hash = hash_of_ends(self, ends); /* which is its hash among the young ones as well */
    Span whole = {payload.at, (size_t)(length - header)}; /* what is behind it is padding */
    bool settles = (flags & SETTLING) > (whole.size > 0 ? FIN : 0); /* what a last segment says is looked at */
    int taken = NO, quiet = settles ? -1 : table_get_hash(&self->quiet, hash);
    if (quiet >= 0 && !(quiet & METERED)) {
        taken = !is_awaited(quiet, payload);
    } else {
        if (packet.size >= (size_t)length)
            taken = is_held(self, frame, ends, hash, whole, big32(packet.at + 4), flags);
        if (taken == NO && quiet >= 0 && !is_awaited(quiet & ~METERED, payload)) taken = METERED;
        if (taken == NO && quiet < 0 && !settles) taken = is_idle(self, ends, hash, payload, whole.size == 0);
        if (taken == METERED) taken = measure(self, ends, packet.at, (long)whole.size, frame->time_ns);
    }
    self->segments += taken == YES;
    return taken;
}

/* The observer looks about before a frame of another second. */
static int tick(Sluice *self, int64_t time_ns) {
    if (runs_tell(&self->lookups) == FAILED) return FAILED;
    PyObject *time = PyLong_FromLongLong(time_ns);
    PyObject *said = time == NULL ? NULL : PyObject_CallOneArg(self->tick, time);
    Py_XDECREF(time);
    called(self);
    long long second_ns = said == NULL ? -1 : PyLong_AsLongLong(said);
    Py_XDECREF(said);
    if (PyErr_Occurred()) return FAILED;
    self->second_ns = second_ns;
    return YES;
}

/* Where several processes read the same: YES for what another one has, NO for what each follows, FAILED for the rest. */
static int is_foreign(Sluice *self, Span ip) {
    int owner = share_owner(&self->share, ip);
    if (owner == FOLLOWED) return NO;
    if (owner == EVERYONE || owner == (int)self->share.number) return FAILED;
    self->foreign++;
    return YES;
}

static int count_noise(Sluice *self, const Frame *frame) {
    self->noise++;
    self->octets += frame->wire_length;
    return YES;
}

/* TCP or UDP behind the headers that most packets have: its ends lie in one piece. */
static inline bool is_plain(Span ip, Carried *carried, Span *ends) {
    const uint8_t *at = ip.at;
    if (at[0] == 0x45) {
        size_t total = big16(at + 2);
        *carried = (Carried){at[9], {at + 20, ip.size - 20}, total - 20};
        *ends = (Span){at + 12, 12};
        if (total < 20 || big16(at + 6) & FRAGMENT) return false;
    } else if (at[0] >> 4 == 6 && ip.size >= SMALLEST_6) {
        *carried = (Carried){at[6], {at + 40, ip.size - 40}, big16(at + 4)};
        *ends = (Span){at + 8, 36};
        if (carried->length == 0) return false;
    } else {
        return false;
    }
    return carried->protocol == TCP || carried->protocol == UDP;
}

/* Count what a packet carries; NO leaves its frame to the observer. */
static int take_carried(Sluice *self, const Frame *frame, const Carried *carried, Span ends) {
    int taken = NO;
    if (!runs_go_on((uint8_t)carried->protocol, carried->body) && runs_tell(&self->lookups) == FAILED) return FAILED;
    if (carried->protocol == TCP) {
        taken = take_segment(self, frame, ends, carried->body, (long)carried->length);
    } else if (carried->protocol == UDP) {
        taken = datagrams_take(&self->udp, carried->body, carried->length, ends, frame->time_ns, frame->interface);
        called(self);
        self->datagrams += taken == YES;
    } else if (noise_is_carried(&self->nothing, carried)) {
        return count_noise(self, frame);
    }
    if (taken == YES) self->octets += frame->wire_length;
    return taken;
}

/* Hold a fragment, or count the datagram that it makes whole; NO leaves both to the observer, who puts them together. */
static int take_fragment(Sluice *self, const Frame *frame, Span ip) {
    Fragment fragment;
    Whole whole;
    uint8_t ends[ENDS_MAX];
    if (self->trains == NULL || self->share.of > 1 || frame->wire_length > frame->data.size) return NO;
    if (!trains_read(ip, &fragment)) return NO;
    int added = trains_add(self->trains, &fragment, frame->time_ns, frame->interface, &whole);
    if (added != YES) return added;
    if (whole.train == NULL) return count_noise(self, frame);
    int taken = NO;
    Carried carried = {UDP, whole.data, whole.data.size};
    if (whole.data.size >= LEAST) taken = take_carried(self, frame, &carried, ip_ends(ip, whole.data, ends));
    trains_settle(self->trains, &whole, taken == YES || self->lookups.heard != NULL); /* heard: the observer needs no frame */
    return taken;
}

int gate_take(Sluice *self, const Frame *frame) {
    self->last_ns = frame->time_ns;
    if (frame->time_ns <= self->second_ns - SECOND_NS || frame->time_ns >= self->second_ns + SECOND_NS)
        if (tick(self, frame->time_ns) == FAILED) return FAILED;
    Span ip;
    if (!link_find_ip(frame->linktype, frame->data, &ip))
        return noise_is_frame(&self->nothing, frame->linktype, frame->data) ? count_noise(self, frame) : NO;
    int foreign = self->share.of > 1 ? is_foreign(self, ip) : FAILED;
    if (foreign != FAILED) return foreign;
    Carried carried;
    Span ends = {NULL, 0};
    uint8_t copied[ENDS_MAX];
    if (!is_plain(ip, &carried, &ends)) {
        size_t missing = frame->wire_length > frame->data.size ? frame->wire_length - frame->data.size : 0;
        if (!ip_open(ip, missing, &carried)) return take_fragment(self, frame, ip);
        bool is_transport = carried.protocol == TCP || carried.protocol == UDP;
        if (is_transport && (self->share.of > 1 || carried.body.size < LEAST)) return NO; /* all of them would count it */
        if (is_transport) ends = ip_ends(ip, carried.body, copied);
    }
    return take_carried(self, frame, &carried, ends);
}
