/* Young TCP connections that say one plain hello and are done with; worker/quick.py says how, and is the oracle of this
 * in tests/property/test_native_quick.py. */
#include "quick.h"

#include "hello.h"
#include "remembered.h"
#include "request.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10, SETTLING = FIN | SYN | RST };
enum { HELLO_START = 0x16, APPLICATION_DATA = 0x17 };

/* A hello that is whole. */
typedef struct {
    Hello hello;
    Span request; /* for a tunnel, before it */
    int64_t key, other, time_ns; /* of its direction, and of the one back; when it was whole */
    uint32_t first, end;         /* its first sequence number, and the one behind it */
} Done;

/* What stands in the place of the sequence number of a server's direction: track/young.py. */
#define SERVER_SIDE (-1)
#define HALF ((uint32_t)1 << 31)

static uint32_t *bucket_of(const Quick *quick, uint64_t hash) { return &quick->buckets[hash & (quick->bucket_count - 1)]; }

Held *quick_find(const Quick *quick, Span ends, uint64_t hash) {
    for (uint32_t at = *bucket_of(quick, hash); at != NOWHERE; at = quick->held[at].next) {
        Held *held = &quick->held[at];
        if (held->size == ends.size && memcmp(held->ends, ends.at, ends.size) == 0) return held;
    }
    return NULL;
}

void quick_drop(Quick *quick, Held *held) {
    uint32_t number = (uint32_t)(held - quick->held);
    uint32_t *link = bucket_of(quick, quick_hash(quick, (Span){held->ends, held->size}));
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

/* Whether the bytes of a connection are counted by now. */
static int is_metered(Quick *quick, Held *held, Span ends) {
    if (quick_refresh(quick) == FAILED) return FAILED;
    if (held->generation == quick->measured.generation) return held->measured;
    int measured = quick_is_measured(quick, ends);
    if (measured == FAILED) return FAILED;
    held->generation = quick->measured.generation, held->measured = measured == YES;
    return measured;
}

/* What is said of a segment that could be taken, by whether its bytes are counted. */
static int taken(int measured, bool metering) {
    if (measured == YES) return metering ? METERED : NO;
    return measured == NO ? YES : FAILED;
}

static int hold(Quick *quick, Span ends, uint64_t hash, const Held *fresh) {
    if (quick_refresh(quick) == FAILED) return FAILED;
    Held *held = &quick->held[quick->free];
    uint32_t number = quick->free, *bucket = bucket_of(quick, hash);
    quick->free = held->next;
    quick->count++;
    *held = *fresh;
    held->size = (uint8_t)ends.size;
    held->next = *bucket;
    held->serial = quick->serial++;
    held->generation = quick->measured.generation;
    Py_INCREF(held->interface);
    memcpy(held->ends, ends.at, ends.size);
    *bucket = number;
    return YES;
}

/* Whether the streams know anything of a direction. */
static int is_known(Quick *quick, int64_t key) {
    int64_t value;
    int followed = quick_is_followed(quick, key);
    return followed == NO ? remembered_get((Remembered *)quick->known.decided, key, &value) : followed;
}

static SynKeys keys_of(Span ends, Span back) { return (SynKeys){ends.at, hash_of(ends), hash_of(back)}; }

static void prefetch_decided(const Quick *quick, SynKeys keys) {
    remembered_prefetch((Remembered *)quick->known.decided, keys.key);
    remembered_prefetch((Remembered *)quick->known.decided, keys.other);
}

void quick_foresee(Quick *quick, Span ends) {
    uint8_t bytes[ENDS_MAX];
    quick->foreseen[0] = quick->foreseen[1];
    quick->foreseen[1] = keys_of(ends, opposite(ends, bytes));
    prefetch_decided(quick, quick->foreseen[1]);
}

/* The same, if they were not reckoned before. */
static SynKeys keys_of_syn(const Quick *quick, Span ends, Span back) {
    for (int each = 0; each < 2; each++)
        if (quick->foreseen[each].ends == ends.at) return quick->foreseen[each];
    SynKeys keys = keys_of(ends, back);
    prefetch_decided(quick, keys);
    return keys;
}

static int take_syn(Quick *quick, Span ends, uint64_t hash, uint32_t first, int64_t time_ns, PyObject *interface,
                    bool metering) {
    Held *held = quick_find(quick, ends, hash);
    if (held != NULL) return held->first == first ? taken(is_metered(quick, held, ends), metering) : NO;
    if (quick->count >= quick->limit) return NO;
    if (is_dns(ends)) return NO;
    uint8_t bytes[ENDS_MAX];
    Span back = opposite(ends, bytes);
    SynKeys keys = keys_of_syn(quick, ends, back);
    Held fresh = {.first = first, .key = keys.key, .other = keys.other, .time_ns = time_ns, .interface = interface};
    if (quick_find(quick, back, quick_hash(quick, back)) != NULL) return NO; /* both ends say SYN */
    int measured = quick_is_measured(quick, ends);
    if (taken(measured, metering) <= NO) return taken(measured, metering);
    int known = is_known(quick, fresh.key);
    if (known == NO) known = is_known(quick, fresh.other);
    if (known != NO) return known == YES ? NO : FAILED;
    fresh.measured = measured == YES;
    return hold(quick, ends, hash, &fresh) == FAILED ? FAILED : taken(measured, metering);
}

static int take_accepted(Quick *quick, Span back, bool metering) {
    uint8_t bytes[ENDS_MAX];
    Span ends = opposite(back, bytes);
    Held *held = quick_find(quick, ends, quick_hash(quick, ends));
    if (held == NULL) return NO;
    int accepted = taken(is_metered(quick, held, ends), metering);
    held->accepted |= accepted > NO;
    return accepted;
}

/* What a server says where its client is awaited, but what may be a hello: who was connected to may be TLS's client. */
static int take_reply(Quick *quick, Span back, uint8_t start, bool metering) {
    uint8_t bytes[ENDS_MAX];
    Span ends = opposite(back, bytes);
    const Held *held = quick_find(quick, ends, quick_hash(quick, ends));
    if (held == NULL || (start == HELLO_START && held->begun == NULL)) return NO;
    return take_accepted(quick, back, metering);
}

static int take_end_of_held(Quick *quick, Span ends, uint64_t hash, uint32_t seq, uint8_t flags, int64_t time_ns,
                            bool metering) {
    uint8_t bytes[ENDS_MAX];
    Span back = opposite(ends, bytes);
    Held *client = quick_find(quick, ends, hash);
    Held *held = client == NULL ? quick_find(quick, back, quick_hash(quick, back)) : client;
    int may = held == NULL ? NO : taken(is_metered(quick, held, (Span){held->ends, held->size}), metering);
    if (may <= NO) return may;
    int over = client == NULL ? endings_server(quick, held, flags, time_ns)
                              : endings_client(quick, held, seq, flags, time_ns);
    return over == YES ? may : over;
}

/* The end of a connection of which nobody awaits the end: it was decided, or is now. */
static int take_end(Quick *quick, Span ends, uint64_t hash, uint32_t seq, uint8_t flags, int64_t time_ns, bool metering) {
    int64_t value;
    int decided = remembered_get((Remembered *)quick->known.decided, hash_of(ends), &value);
    if (decided == YES) return taken(quick_is_measured(quick, ends), metering);
    if (decided == FAILED || quick->count == 0) return decided;
    return take_end_of_held(quick, ends, hash, seq, flags, time_ns, metering);
}

/* Whether nothing need be told of a hello, which is counted then; UNKNOWN if that must be asked. */
static int is_counted(Quick *quick, Span host, Span ends) {
    bool ours = false;
    int counted = greetings_pass(&quick->known.greetings, host, ends, &ours);
    quick->names += counted == YES;
    quick->connections += counted == YES && ours;
    return counted;
}

/* track/young.py, decide_ends. */
int quick_decide(const Quick *quick, int64_t key, int64_t other, uint32_t first) {
    if (remembered_put((Remembered *)quick->known.decided, key, first) == FAILED) return FAILED;
    return remembered_put((Remembered *)quick->known.decided, other, SERVER_SIDE);
}

/* The same behind a hello: pass_over. */
static int remember(Quick *quick, const Done *done) {
    if (remembered_put((Remembered *)quick->known.late, done->key, done->end) == FAILED) return FAILED;
    return quick_decide(quick, done->key, done->other, done->first);
}

/* The same by Python, which asks what is not known yet. */
static int ask_told(Quick *quick, const Done *done, Span ends, Span back) {
    Span host = done->hello.host;
    PyObject *said = PyObject_CallFunction(quick->known.told, "y#iy#y#kkL", host.at, (Py_ssize_t)host.size,
                                           done->hello.ech, ends.at, (Py_ssize_t)ends.size, back.at,
                                           (Py_ssize_t)back.size, (unsigned long)done->first, (unsigned long)done->end,
                                           (long long)done->time_ns);
    return quick_is_said(quick, said);
}

static int ask_tunnelled(Quick *quick, const Done *done, Span ends) {
    Span host = done->hello.host, request = done->request;
    PyObject *said = PyObject_CallFunction(quick->known.tunnelled, "y#y#iy#kkL", request.at, (Py_ssize_t)request.size,
                                           host.at, (Py_ssize_t)host.size, done->hello.ech, ends.at,
                                           (Py_ssize_t)ends.size, (unsigned long)done->first, (unsigned long)done->end,
                                           (long long)done->time_ns);
    return quick_is_said(quick, said);
}

static int is_told(Quick *quick, const Done *done, Span ends, Span back) {
    if (done->request.size > 0) return ask_tunnelled(quick, done, ends);
    if (done->hello.ech != NO_ECH) return ask_told(quick, done, ends, back);
    int followed = quick_is_followed(quick, done->other);
    int told = followed == NO ? is_counted(quick, done->hello.host, ends) : followed == YES ? UNKNOWN : FAILED;
    if (told == UNKNOWN) return ask_told(quick, done, ends, back);
    return told == YES ? remember(quick, done) : told;
}

/* A hello without the early data that is behind it in its segment (RFC 8446 section 2.3), which nobody reads. */
static Span hello_in(Span data) {
    size_t size = hello_size(data);
    bool early = size > 0 && size < data.size && data.at[size] == APPLICATION_DATA;
    return (Span){data.at, early ? size : data.size};
}

/* Whether *data*, with a hello from *hello* on, was all that anybody wanted of the connection. */
static int is_done(Quick *quick, Held *held, Span data, size_t hello, int64_t time_ns) {
    uint8_t back_bytes[ENDS_MAX], ends_bytes[ENDS_MAX];
    Done whole = {.key = held->key, .other = held->other, .time_ns = time_ns, .first = held->first};
    whole.end = held->first + (uint32_t)data.size;
    if (hello > 0 && held->begun->tunnel) whole.request = (Span){data.at, hello};
    if (!hello_read(hello_in((Span){data.at + hello, data.size - hello}), &whole.hello)) return NO;
    memcpy(ends_bytes, held->ends, held->size);
    Span ends = {ends_bytes, held->size}, back = opposite(ends, back_bytes);
    int done = is_told(quick, &whole, ends, back);
    if (done != YES) return done;
    held = quick_find(quick, ends, quick_hash(quick, ends)); /* Python was asked: it may be there no more */
    if (held != NULL) quick_drop(quick, held);
    return YES;
}

static int go_on(Quick *quick, Held *held, Span data, uint32_t seq, int64_t time_ns) {
    Stream whole;
    int added = pieces_add(quick, held, data, seq, time_ns, &whole);
    if (added == UNREAD) return endings_unread(quick, held, (Span){held->begun->data, held->begun->there + data.size}, time_ns);
    if (added != YES || !whole.is_here) return added;
    return is_done(quick, held, (Span){held->begun->data, whole.size}, whole.hello, time_ns);
}

/* All of it will be written when the hello is done with. */
static void prefetch(const Quick *quick, const Held *held) {
    remembered_prefetch((Remembered *)quick->known.late, held->key);
    remembered_prefetch((Remembered *)quick->known.decided, held->key);
    remembered_prefetch((Remembered *)quick->known.decided, held->other);
}

/* What should be a plain request, and all that came so far. */
static int take_request(Quick *quick, Held *held, Span data) {
    Request request;
    Talks *talks = quick->known.talks;
    if (!request_read(data, &request)) return NO;
    int followed = quick_is_followed(quick, held->other);
    if (followed != NO) return followed == FAILED ? FAILED : NO;
    uint8_t bytes[ENDS_MAX];
    memcpy(bytes, held->ends, held->size);
    Span ends = {bytes, held->size};
    bool ours = false;
    int counted = talks_pass(talks, request.host, ends, &ours);
    quick_python_called(quick);
    held = counted == YES ? quick_find(quick, ends, quick_hash(quick, ends)) : NULL; /* Python may have been asked */
    if (held == NULL) return counted == FAILED ? FAILED : NO;
    int64_t key = held->key, other = held->other;
    uint32_t first = held->first;
    PyObject *interface = Py_NewRef(held->interface);
    quick_drop(quick, held);
    talks->names++;
    talks->connections += ours;
    int kept = quick_decide(quick, key, other, first);
    if (kept != FAILED) kept = talks_rest(talks, key, ends, interface, first + (uint32_t)request.size, request.host);
    Py_DECREF(interface);
    return kept;
}

/* A piece of what should be a plain hello, or a request. */
static int take_piece(Quick *quick, Held *held, Span data, uint32_t seq, int64_t time_ns) {
    if (held->begun != NULL) return go_on(quick, held, data, seq, time_ns);
    if (seq != held->first) return NO;
    int taken = request_may_begin(data.at[0]) ? take_request(quick, held, data) : NO;
    if (taken != NO) return taken;
    size_t size = hello_size(data);
    if (size > 0 && size <= data.size) return is_done(quick, held, data, 0, time_ns);
    int begun = pieces_begin(quick, held, data, time_ns);
    if (begun != UNREAD) return begun;
    return request_may_begin(data.at[0]) ? NO : endings_unread(quick, held, data, time_ns);
}

/* Whether the streams have nothing of a direction but that it was decided, as a client's. */
static int is_followed_here(Quick *quick, int64_t key) {
    int64_t value;
    int decided = remembered_get((Remembered *)quick->known.decided, key, &value);
    if (decided != YES || value < 0) return decided == FAILED ? FAILED : NO;
    int late = remembered_get((Remembered *)quick->known.late, key, &value);
    if (late != NO) return late == FAILED ? FAILED : NO;
    int followed = quick_is_followed(quick, key);
    return followed == FAILED ? FAILED : followed == NO;
}

/* Another request of a connection that is at rest; the talk's place may be another one behind it. */
static int ask_again(Quick *quick, int64_t key, Span ends, Span data) {
    Request request;
    Talks *talks = quick->known.talks;
    uint8_t bytes[ENDS_MAX];
    if (!request_read(data, &request)) return NO;
    int followed = quick_is_replied(quick, hash_of(opposite(ends, bytes)));
    if (followed != NO) return followed == FAILED ? FAILED : NO;
    bool ours;
    int counted = talks_pass(talks, request.host, ends, &ours);
    quick_python_called(quick);
    Talk *talk = counted == YES ? talks_find(talks, key) : NULL; /* Python may have been asked */
    if (talk == NULL || talk->conversation != NULL) return counted == FAILED ? FAILED : NO;
    uint32_t next = talk->seq + (uint32_t)request.size;
    if (!talks_is_named(talk, request.host)) {
        talks->names++;
        return talks_rest(talks, key, ends, talk->interface, next, request.host);
    }
    talk->seq = next; /* as with most of them, no more than that */
    lru_touch(&talks->all, &talk->link);
    return YES;
}

/* A segment of an HTTP connection; worker/talks.py, go_on. */
static int take_later(Quick *quick, int64_t key, Span ends, Span data, uint32_t seq, bool metering) {
    const Talk *talk = talks_find(quick->known.talks, key);
    if (talk == NULL || talk->conversation != NULL) return NO;
    uint32_t behind = talk->seq - seq;
    int may = taken(quick_is_measured(quick, ends), metering);
    if (may <= NO) return may;
    int here = is_followed_here(quick, key);
    if (here != YES) return here;
    if (behind != 0) return data.size <= behind && behind < HALF ? may : NO;
    int asked = ask_again(quick, key, ends, data);
    return asked == YES ? may : asked;
}

/* Of a connection whose SYN was not seen, and nothing else of either direction: one whole hello, or a request. It is taken
 * as if a SYN had come before, and nothing is held of it if it cannot be. */
static int take_unopened(Quick *quick, int64_t key, Span ends, uint64_t hash, Span data, uint32_t seq, int64_t time_ns,
                         PyObject *interface, bool metering) {
    uint8_t bytes[ENDS_MAX];
    Request request;
    bool may_request = request_may_begin(data.at[0]);
    if (may_request ? !request_read(data, &request) : hello_size(data) != data.size) return NO;
    Span back = opposite(ends, bytes);
    Held fresh = {.first = seq, .key = key, .other = hash_of(back), .time_ns = time_ns, .interface = interface};
    if (is_dns(ends) || quick->count >= quick->limit || talks_find(quick->known.talks, key) != NULL) return NO;
    if (quick_find(quick, back, quick_hash(quick, back)) != NULL) return NO;
    int measured = quick_is_measured(quick, ends), may = taken(measured, metering);
    if (may <= NO) return may;
    int64_t keys[] = {key, fresh.other};
    for (int each = 0; each < 2; each++) {
        int known = is_known(quick, keys[each]);
        if (known == NO) known = quick_is_replied(quick, keys[each]);
        if (known != NO) return known == YES ? NO : FAILED;
    }
    fresh.measured = measured == YES;
    if (hold(quick, ends, hash, &fresh) == FAILED) return FAILED;
    Held *held = quick_find(quick, ends, hash);
    int done = may_request ? take_request(quick, held, data) : is_done(quick, held, data, 0, time_ns);
    held = done == YES ? NULL : quick_find(quick, ends, hash); /* Python may have been asked */
    if (held != NULL) quick_drop(quick, held);
    return done == YES ? may : done;
}

static int take_data(Quick *quick, Span ends, uint64_t hash, Span data, uint32_t seq, int64_t time_ns, PyObject *interface,
                     bool metering) {
    Held *held = quick->count == 0 ? NULL : quick_find(quick, ends, hash);
    if (held == NULL && data.size == 0) return NO;
    if (held == NULL) {
        int64_t key = hash_of(ends);
        int reply = quick->count == 0 ? NO : take_reply(quick, ends, data.at[0], metering);
        if (reply == NO) reply = take_later(quick, key, ends, data, seq, metering);
        if (reply != NO) return reply;
        return data.size == 1 ? quick_repeats(quick, ends, key, seq, time_ns)
                              : take_unopened(quick, key, ends, hash, data, seq, time_ns, interface, metering);
    }
    int may = taken(is_metered(quick, held, ends), metering);
    if (may <= NO || data.size == 0) return may;
    prefetch(quick, held);
    int done = take_piece(quick, held, data, seq, time_ns);
    return done == YES ? may : done;
}

int quick_take(Quick *quick, Span ends, uint64_t hash, Span payload, uint32_t seq, uint8_t flags, int64_t time_ns,
               PyObject *interface, bool metering) {
    if (is_dns(ends)) {
        int dns = dns_take(quick, ends, payload, seq, flags, time_ns, interface);
        if (dns != NO) return dns;
    }
    if (!(flags & SETTLING)) return take_data(quick, ends, hash, payload, seq, time_ns, interface, metering);
    if (payload.size > 0) return NO;
    if (flags & SYN && (flags & SETTLING) != SYN) return NO; /* it opens another connection, and ends that */
    if (!(flags & SYN)) return take_end(quick, ends, hash, seq, flags, time_ns, metering);
    if (flags & ACK) return take_accepted(quick, ends, metering);
    return take_syn(quick, ends, hash, seq + 1, time_ns, interface, metering);
}
