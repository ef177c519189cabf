/* Goes over frames in files and rings, up to the next that is the observer's; worker/sluice.py and worker/walks.py are the
 * same in Python. */
#include "gate.h"
#include "quick.h"

enum { TCP = 6, SETTLING = 0x07, SYN = 0x02, ACK = 0x10, SMALLEST_TCP = 14 + 20 + 20 /* in Ethernet */ };
enum { PACKET_BLOCK = 6, SMALLEST_BLOCK = 32, RING_HEADER = 26 };

#define LATEST ((int64_t)1 << 62) /* a time beyond it, or before 1970, is Python's to reckon with */
__extension__ typedef __int128 Wide;

/* Frames are gone over. What was heard and nobody took is of a frame that is gone. */
static void begin(Sluice *self) {
    Py_CLEAR(self->lookups.heard);
    self->here.ends = self->ahead.ends = NULL;
    if (self->quick == NULL) return;
    quick_forget_foreseen(self->quick);
    quick_python_called(self->quick);
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

/* A number of a file whose byte order is known. */
static inline uint32_t u32(bool big, const uint8_t *at) { return big ? big32(at) : little32(at); }

/* Where a run stopped, and how many records are before that; or the exception that is set. */
static PyObject *stopped(Py_buffer *buffer, int taken, Py_ssize_t position, Py_ssize_t count) {
    PyBuffer_Release(buffer);
    return taken == FAILED ? NULL : Py_BuildValue("nn", position, count);
}

/* The lengths of records, as a file goes: of the latest, and of the one before it that was of another. */
typedef struct {
    Py_ssize_t last, other;
} Lengths;

/* Always inline: a call of what does nothing but this is no call to GCC. */
__attribute__((always_inline)) static inline void fetch(const Py_buffer *buffer, Py_ssize_t position) {
    if (position > buffer->len - 128) return;
    __builtin_prefetch((const uint8_t *)buffer->buf + position);
    __builtin_prefetch((const uint8_t *)buffer->buf + position + 64);
}

/* Nobody has looked at a file's bytes before, and memory is slow. Where a record begins is in the one before it: from the
 * *next* one, which was asked for a record ago, and its *length* it is known where the one behind it is, and those that
 * follow are guessed: bulk has two lengths at a time, that of full segments and another (ADR 64). */
__attribute__((always_inline)) static inline void fetch_ahead(Lengths *lengths, const Py_buffer *buffer, Py_ssize_t next,
                                                              Py_ssize_t length) {
    if (length != lengths->last) *lengths = (Lengths){length, lengths->last};
    next += length;
    fetch(buffer, next);
    fetch(buffer, next + lengths->last);
    fetch(buffer, next + lengths->other);
    fetch(buffer, next + 2 * lengths->last);
    fetch(buffer, next + 2 * lengths->other);
    fetch(buffer, next + lengths->last + lengths->other);
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
    Lengths lengths = {0};
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
        Py_ssize_t next = position + header + (Py_ssize_t)captured;
        if (next <= buffer.len - header)
            fetch_ahead(&lengths, &buffer, next, header + (Py_ssize_t)u32(big, frame.base + next + 8));
        frame.data = (Span){record + header, captured};
        frame.time_ns = (int64_t)u32(big, record) * SECOND_NS + (int64_t)fraction * scale;
        frame.wire_length = original;
        foresee(self, linktype, &buffer, next + header);
        if ((taken = gate_take(self, &frame)) != YES) break;
        position = next;
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
    Lengths lengths = {0};
    begin(self);
    int taken = YES;
    while (position >= 0 && position <= buffer.len - SMALLEST_BLOCK) {
        const uint8_t *block = frame.base + position;
        uint32_t length = u32(big, block + 4), number = u32(big, block + 8), captured = u32(big, block + 20);
        if (u32(big, block) != PACKET_BLOCK || length & 3 || length < SMALLEST_BLOCK) break;
        if (captured > length - SMALLEST_BLOCK || (Py_ssize_t)length > buffer.len - position) break;
        if ((frame.interface == NULL || clock.number != number) && !find_clock(clocks, number, &clock)) break;
        Py_ssize_t next = position + (Py_ssize_t)length;
        if (next <= buffer.len - SMALLEST_BLOCK)
            fetch_ahead(&lengths, &buffer, next, (Py_ssize_t)u32(big, frame.base + next + 4));
        foresee(self, clock.linktype, &buffer, next + 28);
        Wide time_ns = nanoseconds_of(&clock, (uint64_t)u32(big, block + 12) << 32 | u32(big, block + 16)) + clock.offset_ns;
        if (time_ns < 0 || time_ns >= LATEST || captured > u32(big, block + 24)) break;
        frame.interface = clock.interface, frame.linktype = clock.linktype;
        frame.data = (Span){block + 28, captured};
        frame.time_ns = (int64_t)time_ns;
        frame.wire_length = u32(big, block + 24);
        if ((taken = gate_take(self, &frame)) != YES) break;
        position = next;
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
        if ((taken = gate_take(self, &frame)) != YES) break;
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
        taken = gate_take(self, &frame);
    }
    PyBuffer_Release(&buffer);
    return taken == FAILED ? NULL : PyBool_FromLong(taken);
}
