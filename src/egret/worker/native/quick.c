/* Young TCP connections that say one plain hello and are done with; worker/quick.py says how, and is the oracle of this
 * in tests/property/test_native_quick.py. */
#include "quick.h"

#include "hello.h"
#include "remembered.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10, SETTLING = FIN | SYN | RST };
enum { DNS = 53, MAX_PLAIN = 4096 };

/* A hello that is whole. */
typedef struct {
    Hello hello;
    int64_t key, time_ns; /* of its direction; when it was whole */
    uint32_t first, end;  /* its first sequence number, and the one behind it */
} Done;

/* What stands in the place of the sequence number of a server's direction: track/young.py, SERVER_SIDE. */
#define SERVER_SIDE (-1)

static Span opposite(Span ends, uint8_t back[ENDS_MAX]) {
    size_t size = (ends.size - 4) / 2;
    memcpy(back, ends.at + size, size);
    memcpy(back + size, ends.at, size);
    memcpy(back + 2 * size, ends.at + 2 * size + 2, 2);
    memcpy(back + 2 * size + 2, ends.at + 2 * size, 2);
    return (Span){back, ends.size};
}

static uint32_t *bucket_of(const Quick *quick, Span ends) {
    return &quick->buckets[keyed_hash(&quick->secret, ends.at, ends.size, NULL, 0) & (quick->bucket_count - 1)];
}

Held *quick_find(const Quick *quick, Span ends) {
    for (uint32_t at = *bucket_of(quick, ends); at != NOWHERE; at = quick->held[at].next) {
        Held *held = &quick->held[at];
        if (held->size == ends.size && memcmp(held->ends, ends.at, ends.size) == 0) return held;
    }
    return NULL;
}

void quick_drop(Quick *quick, Held *held) {
    uint32_t number = (uint32_t)(held - quick->held);
    uint32_t *link = bucket_of(quick, (Span){held->ends, held->size});
    while (*link != number) link = &quick->held[*link].next;
    *link = held->next;
    held->next = quick->free;
    held->size = 0;
    quick->free = number;
    quick->count--;
    PyMem_Free(held->begun);
    held->begun = NULL;
    Py_CLEAR(held->interface);
}

/* Whether an address is among others. */
static int contains(PyObject *addresses, Span address) {
    PyObject *bytes = bytes_of(address);
    int among = bytes == NULL ? FAILED : PySequence_Contains(addresses, bytes);
    Py_XDECREF(bytes);
    return among;
}

/* Whether the bytes of traffic between *ends* are counted: worker/quick.py, Surroundings.is_measured. */
static int is_measured(Quick *quick, Span ends) {
    PyObject *active = PyObject_GetAttr(quick->known.volumes, quick->active);
    int any = active == NULL ? FAILED : PyObject_IsTrue(active);
    Py_XDECREF(active);
    if (any != YES) return any;
    size_t size = (ends.size - 4) / 2;
    int source = contains(quick->known.armed, (Span){ends.at, size});
    return source == NO ? contains(quick->known.armed, (Span){ends.at + size, size}) : source;
}

static int read_generation(Quick *quick, unsigned long long *generation) {
    PyObject *number = PyObject_GetAttr(quick->known.volumes, quick->generation);
    if (number == NULL) return FAILED;
    *generation = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    return PyErr_Occurred() ? FAILED : YES;
}

/* The key of a direction. */
static int key_of(Span ends, int64_t *key) {
    PyObject *bytes = bytes_of(ends);
    Py_hash_t hash = bytes == NULL ? -1 : PyObject_Hash(bytes);
    Py_XDECREF(bytes);
    *key = hash;
    return hash == -1 ? FAILED : YES;
}

/* Whether more is awaited of a direction. */
static int is_followed(Quick *quick, int64_t key) {
    PyObject *number = PyLong_FromLongLong(key);
    int followed = number == NULL ? FAILED : PySequence_Contains(quick->known.flows, number);
    Py_XDECREF(number);
    return followed;
}

/* Whether its addresses have become measured. */
static int matters(Quick *quick, const Held *held, Span ends) {
    unsigned long long generation = 0;
    if (read_generation(quick, &generation) == FAILED) return FAILED;
    return held->generation == generation ? NO : is_measured(quick, ends);
}

static int hold(Quick *quick, Span ends, int64_t key, uint32_t first, int64_t time_ns, PyObject *interface) {
    unsigned long long generation = 0;
    if (read_generation(quick, &generation) == FAILED) return FAILED;
    Held *held = &quick->held[quick->free];
    uint32_t number = quick->free, *bucket = bucket_of(quick, ends);
    quick->free = held->next;
    quick->count++;
    *held = (Held){
        .size = (uint8_t)ends.size,
        .first = first,
        .next = *bucket,
        .serial = quick->serial++,
        .key = key,
        .generation = generation,
        .time_ns = time_ns,
        .interface = Py_NewRef(interface),
    };
    memcpy(held->ends, ends.at, ends.size);
    *bucket = number;
    return YES;
}

/* Whether the streams know anything of a direction. */
static int is_known(Quick *quick, int64_t key) {
    int64_t value;
    int followed = is_followed(quick, key);
    return followed == NO ? remembered_get((Remembered *)quick->known.decided, key, &value) : followed;
}

static int take_syn(Quick *quick, Span ends, uint32_t first, int64_t time_ns, PyObject *interface) {
    const Held *held = quick_find(quick, ends);
    if (held != NULL) {
        int measured = held->first == first ? matters(quick, held, ends) : YES;
        return measured == FAILED ? FAILED : measured == NO;
    }
    if (quick->count >= quick->limit) return NO;
    if (big16(ends.at + ends.size - 4) == DNS || big16(ends.at + ends.size - 2) == DNS) return NO;
    int64_t key, other;
    uint8_t bytes[ENDS_MAX];
    Span back = opposite(ends, bytes);
    if (quick_find(quick, back) != NULL) return NO; /* both ends say SYN */
    if (key_of(ends, &key) == FAILED || key_of(back, &other) == FAILED) return FAILED;
    int in_the_way = is_known(quick, key);
    if (in_the_way == NO) in_the_way = is_known(quick, other);
    if (in_the_way == NO) in_the_way = is_measured(quick, ends);
    if (in_the_way != NO) return in_the_way == YES ? NO : FAILED;
    return hold(quick, ends, key, first, time_ns, interface);
}

static int take_accepted(Quick *quick, Span back) {
    uint8_t bytes[ENDS_MAX];
    Span ends = opposite(back, bytes);
    Held *held = quick_find(quick, ends);
    if (held == NULL) return NO;
    int measured = matters(quick, held, ends);
    if (measured != NO) return measured == YES ? NO : FAILED;
    held->accepted = true;
    return YES;
}

/* The end of a connection of which nobody awaits the end. */
static int take_end(Quick *quick, Span ends) {
    int64_t key, value;
    if (key_of(ends, &key) == FAILED) return FAILED;
    int decided = remembered_get((Remembered *)quick->known.decided, key, &value);
    if (decided != YES) return decided;
    int measured = is_measured(quick, ends);
    return measured == FAILED ? FAILED : measured == NO;
}

/* What a dict of truths says of a key; UNKNOWN if it is not there. */
enum { UNKNOWN = 2 };

static int look_up(PyObject *truths, Span key) {
    PyObject *bytes = bytes_of(key);
    PyObject *truth = bytes == NULL ? NULL : PyDict_GetItemWithError(truths, bytes);
    Py_XDECREF(bytes);
    if (truth == NULL) return PyErr_Occurred() ? FAILED : UNKNOWN;
    return truth == Py_True;
}

/* Whether nothing need be told of a hello, which is counted then; UNKNOWN if that must be asked. worker/greetings.py */
static int is_counted(Quick *quick, Span host, Span ends) {
    size_t size = (ends.size - 4) / 2;
    Span client = {ends.at, size};
    uint8_t server[ENDS_MAX];
    memcpy(server, ends.at + size, size);
    memcpy(server + size, ends.at + ends.size - 2, 2);
    int plain = look_up(quick->known.hosts, host);
    if (plain != YES) return plain;
    int watched = contains(quick->known.watched, client);
    if (watched != NO) return watched == YES ? NO : FAILED;
    int ours = look_up(quick->known.clients, client);
    if (ours == UNKNOWN || ours == FAILED) return ours;
    int special = ours == YES ? look_up(quick->known.servers, (Span){server, size + 2}) : NO;
    if (special != NO) return special == YES ? NO : special;
    quick->names++;
    quick->connections += ours == YES;
    return YES;
}

/* Both directions of a connection are known from now on: track/young.py, pass_over. */
static int remember(Quick *quick, int64_t key, int64_t back, uint32_t first, uint32_t end) {
    if (remembered_put((Remembered *)quick->known.late, key, end) == FAILED) return FAILED;
    if (remembered_put((Remembered *)quick->known.decided, key, first) == FAILED) return FAILED;
    return remembered_put((Remembered *)quick->known.decided, back, SERVER_SIDE);
}

/* The same by Python, which asks what is not known yet. */
static int ask_told(Quick *quick, const Done *done, Span ends, Span back) {
    Span host = done->hello.host;
    PyObject *said = PyObject_CallFunction(quick->known.told, "y#iy#y#kkL", host.at, (Py_ssize_t)host.size,
                                           done->hello.ech, ends.at, (Py_ssize_t)ends.size, back.at,
                                           (Py_ssize_t)back.size, (unsigned long)done->first, (unsigned long)done->end,
                                           (long long)done->time_ns);
    int told = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return told;
}

static int is_told(Quick *quick, const Done *done, Span ends, Span back) {
    int64_t other;
    if (done->hello.ech != NO_ECH) return ask_told(quick, done, ends, back);
    if (key_of(back, &other) == FAILED) return FAILED;
    int followed = is_followed(quick, other);
    int told = followed == NO ? is_counted(quick, done->hello.host, ends) : followed == YES ? UNKNOWN : FAILED;
    if (told == UNKNOWN) return ask_told(quick, done, ends, back);
    return told == YES ? remember(quick, done->key, other, done->first, done->end) : told;
}

/* Whether *data* was all that anybody wanted of the connection. */
static int is_done(Quick *quick, Held *held, Span data, int64_t time_ns) {
    uint8_t back_bytes[ENDS_MAX], ends_bytes[ENDS_MAX];
    Done whole = {.key = held->key, .time_ns = time_ns, .first = held->first};
    whole.end = held->first + (uint32_t)data.size;
    if (!hello_read(data, &whole.hello)) return NO;
    memcpy(ends_bytes, held->ends, held->size);
    Span ends = {ends_bytes, held->size}, back = opposite(ends, back_bytes);
    int done = is_told(quick, &whole, ends, back);
    if (done != YES) return done;
    held = quick_find(quick, ends); /* Python was asked: nothing found before is sure to be there still */
    if (held != NULL) quick_drop(quick, held);
    return YES;
}

static int begin(Held *held, Span data, size_t size, int64_t time_ns) {
    Begun *begun = PyMem_Malloc(sizeof(Begun) + size);
    if (begun == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    *begun = (Begun){.size = size, .there = data.size, .count = 1, .pieces = {{time_ns, data.size}}};
    memcpy(begun->data, data.at, data.size);
    held->begun = begun;
    return YES;
}

static int go_on(Quick *quick, Held *held, Span data, uint32_t seq, int64_t time_ns) {
    Begun *begun = held->begun;
    size_t missing = begun->size - begun->there;
    if (seq != held->first + (uint32_t)begun->there || data.size <= 1 || data.size > missing)
        return NO; /* a lone byte may be a keep-alive's */
    if (data.size == missing) {
        memcpy(begun->data + begun->there, data.at, data.size); /* not counted as there until it is done */
        return is_done(quick, held, (Span){begun->data, begun->size}, time_ns);
    }
    if (begun->count == MAX_PIECES) return NO;
    memcpy(begun->data + begun->there, data.at, data.size);
    begun->pieces[begun->count++] = (Piece){time_ns, data.size};
    begun->there += data.size;
    return YES;
}

static int take_data(Quick *quick, Span ends, Span data, uint32_t seq, int64_t time_ns) {
    Held *held = quick_find(quick, ends);
    if (held == NULL) return NO;
    int measured = matters(quick, held, ends);
    if (measured != NO) return measured == YES ? NO : FAILED;
    if (data.size == 0) return YES;
    if (held->begun != NULL) return go_on(quick, held, data, seq, time_ns);
    if (seq != held->first) return NO;
    size_t size = hello_size(data);
    if (size == data.size) return is_done(quick, held, data, time_ns);
    return data.size < size && size <= MAX_PLAIN ? begin(held, data, size, time_ns) : NO;
}

int quick_take(Quick *quick, Span ends, Span payload, uint32_t seq, uint8_t flags, int64_t time_ns,
               PyObject *interface) {
    if (ends.size < 4 || ends.size > ENDS_MAX) return NO;
    if (!(flags & SETTLING)) return quick->count == 0 ? NO : take_data(quick, ends, payload, seq, time_ns);
    if (payload.size > 0) return NO;
    if ((flags & SETTLING) != SYN) return take_end(quick, ends);
    if (flags & ACK) return take_accepted(quick, ends);
    return take_syn(quick, ends, seq + 1, time_ns, interface);
}
