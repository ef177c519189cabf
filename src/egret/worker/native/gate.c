/* Goes over frames where they lie, up to the next that is the observer's. worker/sluice.py is the same in Python, says
 * why each test is there, and is the oracle of this in tests/property/test_native_gate.py. */
#include "native.h"
#include "quick.h"

#include <strings.h>

enum { SECOND_NS = 1000000000 };
enum { TCP = 6, UDP = 17, DNS = 53, SETTLING = 0x07, FIN = 0x01, SYN = 0x02, ACK = 0x10 };
enum { SMALLEST_6 = 40 + 20, SMALLEST_TCP = 14 + 20 + 20 /* in Ethernet */ };
enum { CHANGE = 0x14, ALERT = 0x15, HELLO_START = 0x16, MAX_METHOD = 24 }; /* what records and requests begin with */
enum { MAX_LINE = 2048 };
enum { FRAGMENT = 0x3FFF, PACKET_BLOCK = 6, SMALLEST_BLOCK = 32, RING_HEADER = 26 };

#define LATEST ((int64_t)1 << 62) /* a time beyond it, or before 1970, is Python's to reckon with */
__extension__ typedef __int128 Wide;

/* A frame, and the object in whose bytes it lies. */
typedef struct {
    PyObject *buffer, *interface;
    const uint8_t *base; /* where the buffer's bytes begin */
    Span data;
    int64_t time_ns;
    uint32_t wire_length;
    unsigned linktype;
} Frame;

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

/* Frames are gone over. What was heard and nobody took is of a frame that is gone. */
static void begin(Sluice *self) {
    Py_CLEAR(self->lookups.heard);
    self->here.ends = self->ahead.ends = NULL;
    if (self->quick != NULL) quick_forget_foreseen(self->quick);
    called(self);
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

/* The next frame is at *position*: if it is a plain segment, what is known of its direction is fetched now. Connections are
 * many, and what is known of one is seldom at hand. A twentieth of the time of bulk. */
static inline void foresee(Sluice *self, unsigned linktype, const Py_buffer *buffer, Py_ssize_t position) {
    self->here = self->ahead;
    if (linktype != ETHERNET || position > buffer->len - SMALLEST_TCP) return;
    const uint8_t *at = (const uint8_t *)buffer->buf + position;
    if (at[12] != 0x08 || at[13] != 0 || at[14] != 0x45 || at[23] != TCP) return;
    self->ahead.ends = at + 26;
    self->ahead.hash = table_hash(&self->quiet, (Span){at + 26, 12});
    table_prefetch(&self->quiet, self->ahead.hash);
    if (self->quick != NULL && (at[47] & (SETTLING | ACK)) == SYN) quick_foresee(self->quick, (Span){at + 26, 12});
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

/* Count a frame; NO leaves it to the observer. */
static int take_frame(Sluice *self, const Frame *frame) {
    self->last_ns = frame->time_ns;
    if (frame->time_ns <= self->second_ns - SECOND_NS || frame->time_ns >= self->second_ns + SECOND_NS)
        if (tick(self, frame->time_ns) == FAILED) return FAILED;
    Span ip, ends, packet;
    if (!link_find_ip(frame->linktype, frame->data, &ip))
        return noise_is_frame(&self->nothing, frame->linktype, frame->data) ? count_noise(self, frame) : NO;
    int foreign = self->share.of > 1 ? is_foreign(self, ip) : FAILED;
    if (foreign != FAILED) return foreign;
    const uint8_t *at = ip.at;
    uint8_t protocol;
    long length;
    if (at[0] == 0x45) {
        if (big16(at + 6) & FRAGMENT) return NO;
        length = (long)big16(at + 2) - 20, protocol = at[9];
        ends = (Span){at + 12, 12}, packet = (Span){at + 20, ip.size - 20};
    } else if (at[0] >> 4 == 6 && ip.size >= SMALLEST_6) {
        length = big16(at + 4), protocol = at[6];
        ends = (Span){at + 8, 36}, packet = (Span){at + 40, ip.size - 40};
    } else {
        return NO;
    }
    int taken = NO;
    if (!runs_go_on(protocol, packet) && runs_tell(&self->lookups) == FAILED) return FAILED;
    if (protocol == TCP) {
        taken = take_segment(self, frame, ends, packet, length);
    } else if (protocol == UDP && length >= 0) {
        self->lookups.before = self->segments + self->datagrams + self->noise;
        taken = datagrams_take(&self->udp, packet, (size_t)length, ends, frame->time_ns, frame->interface);
        called(self);
        self->datagrams += taken == YES;
    } else if (noise_is_packet(&self->nothing, ip)) {
        return count_noise(self, frame);
    }
    if (taken == YES) self->octets += frame->wire_length;
    return taken;
}

/* A number of a file whose byte order is known. */
static inline uint32_t u32(bool big, const uint8_t *at) { return big ? big32(at) : little32(at); }

/* Where a run stopped, and how many records are before that; or the exception that is set. */
static PyObject *stopped(Py_buffer *buffer, int taken, Py_ssize_t position, Py_ssize_t count) {
    PyBuffer_Release(buffer);
    return taken == FAILED ? NULL : Py_BuildValue("nn", position, count);
}

/* Nobody has looked at a file's bytes before, and memory is slow: where a record some way ahead begins, if those before it
 * are as long as this one, as bulk is, is asked for now. A sixth of the time of bulk. Always inline: a call of what does
 * nothing but this is no call to GCC. */
__attribute__((always_inline)) static inline void fetch_ahead(const Py_buffer *buffer, Py_ssize_t position) {
    if (position > buffer->len - 128) return;
    __builtin_prefetch((const uint8_t *)buffer->buf + position);
    __builtin_prefetch((const uint8_t *)buffer->buf + position + 64);
}

PyObject *run_pcap(Sluice *self, PyObject *args) {
    PyObject *window;
    Py_ssize_t position, header, count = 0;
    const char *order;
    long scale;
    Py_buffer buffer;
    unsigned linktype = ETHERNET;
    if (!PyArg_ParseTuple(args, "Onsnl|I:pcap", &window, &position, &order, &header, &scale, &linktype)) return NULL;
    if (PyObject_GetBuffer(window, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    const bool big = order[0] == '>';
    Frame frame = {.buffer = window, .interface = Py_None, .base = buffer.buf, .linktype = linktype};
    begin(self);
    int taken = runs_begin(&self->lookups);
    header = header < 16 ? 16 : header;
    scale = scale < 1 ? 1 : scale;
    uint32_t second = (uint32_t)(SECOND_NS / scale), smallest = linktype == ETHERNET ? 0 : SMALLEST_IP;
    while (taken == YES && position >= 0 && position <= buffer.len - header) {
        const uint8_t *record = frame.base + position;
        uint32_t fraction = u32(big, record + 4), captured = u32(big, record + 8), original = u32(big, record + 12);
        if (captured > original || captured < smallest || fraction >= second) break;
        if ((Py_ssize_t)captured > buffer.len - header - position) break;
        fetch_ahead(&buffer, position + 4 * (header + (Py_ssize_t)captured));
        frame.data = (Span){record + header, captured};
        frame.time_ns = (int64_t)u32(big, record) * SECOND_NS + (int64_t)fraction * scale;
        frame.wire_length = original;
        foresee(self, linktype, &buffer, position + 2 * header + (Py_ssize_t)captured);
        if ((taken = take_frame(self, &frame)) != YES) break;
        position += header + (Py_ssize_t)captured;
        count++;
    }
    taken = runs_end(&self->lookups, taken);
    return stopped(&buffer, taken, position, count);
}

typedef struct {
    uint32_t number;
    unsigned long long multiply, divide;
    long long offset_ns;
    PyObject *interface; /* borrowed */
    unsigned linktype;
} Clock;

/* The clock of an interface; NO where this cannot reckon with it. */
static int find_clock(PyObject *clocks, uint32_t number, Clock *clock) {
    if (!PyList_Check(clocks) || number >= PyList_GET_SIZE(clocks)) return NO;
    PyObject *fields = PyList_GET_ITEM(clocks, number);
    clock->number = number;
    if (!PyTuple_Check(fields) || PyTuple_GET_SIZE(fields) != 5) return NO;
    clock->linktype = (unsigned)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(fields, 0));
    clock->multiply = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(fields, 1));
    clock->divide = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(fields, 2));
    clock->offset_ns = PyLong_AsLongLong(PyTuple_GET_ITEM(fields, 3));
    clock->interface = PyTuple_GET_ITEM(fields, 4);
    if (PyErr_Occurred()) {
        PyErr_Clear(); /* a number of more than 64 bits */
        return NO;
    }
    return clock->divide > 0 && clock->multiply <= SECOND_NS;
}

static Wide nanoseconds_of(const Clock *clock, uint64_t units) {
    Wide many = (Wide)units * clock->multiply;
    if (clock->divide == 1) return many;
    return many >> 64 == 0 ? (Wide)((uint64_t)many / clock->divide) : many / clock->divide; /* the latter is slow */
}

PyObject *run_pcapng(Sluice *self, PyObject *args) {
    PyObject *window, *clocks;
    Py_ssize_t position, count = 0;
    const char *order;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(args, "OnsO:pcapng", &window, &position, &order, &clocks)) return NULL;
    if (PyObject_GetBuffer(window, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    const bool big = order[0] == '>';
    Frame frame = {.buffer = window, .base = buffer.buf};
    Clock clock = {0};
    begin(self);
    int taken = YES;
    while (position >= 0 && position <= buffer.len - SMALLEST_BLOCK) {
        const uint8_t *block = frame.base + position;
        uint32_t length = u32(big, block + 4), number = u32(big, block + 8), captured = u32(big, block + 20);
        if (u32(big, block) != PACKET_BLOCK || length & 3 || length < SMALLEST_BLOCK) break;
        if (captured > length - SMALLEST_BLOCK || (Py_ssize_t)length > buffer.len - position) break;
        if ((frame.interface == NULL || clock.number != number) && !find_clock(clocks, number, &clock)) break;
        fetch_ahead(&buffer, position + 4 * (Py_ssize_t)length);
        foresee(self, clock.linktype, &buffer, position + (Py_ssize_t)length + 28);
        Wide time_ns = nanoseconds_of(&clock, (uint64_t)u32(big, block + 12) << 32 | u32(big, block + 16)) + clock.offset_ns;
        if (time_ns < 0 || time_ns >= LATEST || captured > u32(big, block + 24)) break;
        frame.interface = clock.interface, frame.linktype = clock.linktype;
        frame.data = (Span){block + 28, captured};
        frame.time_ns = (int64_t)time_ns;
        frame.wire_length = u32(big, block + 24);
        if ((taken = take_frame(self, &frame)) != YES) break;
        position += (Py_ssize_t)length;
        count++;
    }
    return stopped(&buffer, taken, position, count);
}

/* The frames of a ring's block: struct tpacket3_hdr of linux/if_packet.h, in the machine's own byte order. */
PyObject *run_ring(Sluice *self, PyObject *args) {
    PyObject *memory;
    Py_ssize_t position, most, end, count = 0;
    Py_buffer buffer;
    Frame frame = {.linktype = ETHERNET};
    if (!PyArg_ParseTuple(args, "OnnnO|I:ring", &memory, &position, &most, &end, &frame.interface, &frame.linktype))
        return NULL;
    if (PyObject_GetBuffer(memory, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    frame.buffer = memory, frame.base = buffer.buf;
    end = end > buffer.len ? buffer.len : end;
    begin(self);
    int taken = YES;
    while (count < most && position >= 0 && position <= end - RING_HEADER) {
        uint32_t fields[6]; /* step, seconds, nanoseconds, captured, original, status */
        uint16_t place;
        memcpy(fields, frame.base + position, sizeof fields);
        memcpy(&place, frame.base + position + sizeof fields, sizeof place);
        if ((Py_ssize_t)place + (Py_ssize_t)fields[3] > end - position) break;
        frame.data = (Span){frame.base + position + place, fields[3]};
        frame.time_ns = (int64_t)fields[1] * SECOND_NS + fields[2];
        frame.wire_length = fields[4];
        if ((taken = take_frame(self, &frame)) != YES) break;
        position += (Py_ssize_t)fields[0];
        count++;
    }
    return stopped(&buffer, taken, position, count);
}

PyObject *run_one(Sluice *self, PyObject *args) {
    Py_ssize_t start, end;
    long long time_ns;
    unsigned long wire_length;
    Py_buffer buffer;
    Frame frame = {.interface = Py_None, .linktype = ETHERNET};
    if (!PyArg_ParseTuple(args, "OnnLk|OI:skip", &frame.buffer, &start, &end, &time_ns, &wire_length, &frame.interface,
                          &frame.linktype))
        return NULL;
    if (PyObject_GetBuffer(frame.buffer, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    begin(self);
    int taken = NO;
    if (0 <= start && start <= end && end <= buffer.len && 0 <= time_ns && time_ns < LATEST) {
        frame.base = buffer.buf;
        frame.data = (Span){frame.base + start, (size_t)(end - start)};
        frame.time_ns = time_ns, frame.wire_length = (uint32_t)wire_length;
        taken = take_frame(self, &frame);
    }
    PyBuffer_Release(&buffer);
    return taken == FAILED ? NULL : PyBool_FromLong(taken);
}
