/* What QUIC connections begin with, taken without Python; track/quic.py (pass_over) says how, and is the oracle.
 *
 * Either a datagram is taken to its end, or nothing is changed and Python does it all. So only what is plain is here:
 * one attempt of version 1 between two ends, its hello in any order of pieces without a byte twice, and of that hello
 * only that nothing need be told. */
#include "pairs.h"

#include "hello.h"

enum { MAX_PACKETS = 16, MAX_PARTS = 64, MAX_RUNS = 32, RECORD_HEAD = 5, MESSAGE_HEAD = 4 };
enum { ONWARD = 3 }; /* beside YES, NO and UNKNOWN: there is an Initial to open */

/* A datagram of a client. */
typedef struct {
    Span datagram, ends;
    int64_t time_ns, key;
    PyObject *interface;
    Header header; /* of the Initial that matters */
} Arrival;

/* A hello as far as it is here; its bytes are behind the record's head in Pairs.hello. */
typedef struct {
    uint32_t size, count;
    Run runs[MAX_RUNS];
} Joined;

static bool has_id(const Place *place, Span id) {
    for (int at = 0; at < place->id_count; at++)
        if (cid_is(&place->ids[at], id)) return true;
    return false;
}

static Cid cid_of(Span bytes) {
    Cid cid = {.size = (uint8_t)bytes.size};
    memcpy(cid.at, bytes.at, bytes.size);
    return cid;
}

/* Learn the id that the server chose. */
static int take_answer(Place *place, const Header *header) {
    if (header->kind != INITIAL || has_id(place, header->scid)) return YES;
    if (place->id_count == MAX_IDS) return UNKNOWN;
    place->ids[place->id_count++] = cid_of(header->scid);
    return YES;
}

/* Whether a client's Initial is of an attempt that is done. */
static bool is_done(const Place *place, const Header *header) {
    if (place == NULL || place->partial != NULL) return false;
    return cid_is(&place->dcid, header->dcid) || has_id(place, header->dcid);
}

/* The one packet of a datagram that matters; YES where none does. */
static int choose(const Place *place, Arrival *arrival) {
    Header header = arrival->header;
    int found = 0, packets = 0;
    for (Span all = arrival->datagram;;) {
        if (header.kind == INITIAL && !is_done(place, &header)) {
            arrival->header = header;
            found++;
        }
        if (header.end >= all.size || !(all.at[header.end] & LONG)) break;
        if (++packets == MAX_PACKETS || !header_read(all, header.end, &header)) return UNKNOWN;
    }
    return found == 0 ? YES : found == 1 ? ONWARD : NO;
}

/* Whether nothing is told of the pair that would have to go for another. */
static int has_room(const Pairs *pairs) {
    const Place *oldest = lru_oldest(&pairs->all);
    if (pairs->all.count < pairs->limit || oldest == NULL) return YES;
    return oldest->pair != NULL ? UNKNOWN : oldest->partial == NULL;
}

/* Put a part among others that are in order; false where it would lie over one. */
static bool put(Part *parts, int count, Part part) {
    int at = count;
    for (; at > 0 && parts[at - 1].offset > part.offset; at--) parts[at] = parts[at - 1];
    parts[at] = part;
    return (at == 0 || parts[at - 1].offset + parts[at - 1].size <= part.offset) &&
           (at == count || part.offset + part.size <= parts[at + 1].offset);
}

/* All parts in their order, what was here before among them; -1 where they do not lie beside each other. */
static int in_order(const Partial *partial, const Part *fresh, int count, Part *parts) {
    int all = 0;
    const uint8_t *data = partial == NULL ? NULL : (const uint8_t *)&partial->runs[partial->count];
    for (uint32_t at = 0; partial != NULL && at < partial->count; at++) {
        parts[all++] = (Part){partial->runs[at].offset, partial->runs[at].size, data};
        data += partial->runs[at].size;
    }
    for (int at = 0; at < count; at++) {
        Part part = fresh[at];
        if (part.size == 0) continue;
        if (part.offset > MAX_INITIAL || part.size > MAX_INITIAL - part.offset || !put(parts, all++, part)) return -1;
    }
    return all;
}

static bool join(Pairs *pairs, const Partial *partial, const Part *fresh, int count, Joined *joined) {
    Part parts[MAX_RUNS + MAX_PARTS];
    int all = in_order(partial, fresh, count, parts);
    *joined = (Joined){.size = 0};
    for (int at = 0; at < all; at++) {
        Run *last = joined->count == 0 ? NULL : &joined->runs[joined->count - 1];
        memcpy(pairs->hello + RECORD_HEAD + joined->size, parts[at].at, parts[at].size);
        joined->size += parts[at].size;
        if (last != NULL && last->offset + last->size == parts[at].offset) {
            last->size += parts[at].size;
        } else {
            if (joined->count == MAX_RUNS) return false;
            joined->runs[joined->count++] = (Run){parts[at].offset, parts[at].size};
        }
    }
    return all >= 0;
}

/* How long the hello's record is; 0 if it is not here to its end. */
static size_t record_size(Pairs *pairs, const Joined *joined) {
    uint8_t *record = pairs->hello;
    if (joined->count == 0 || joined->runs[0].offset > 0 || joined->runs[0].size < MESSAGE_HEAD) return 0;
    size_t size = MESSAGE_HEAD + (big32(record + RECORD_HEAD) & 0xFFFFFF);
    if (size > joined->runs[0].size) return 0;
    memcpy(record, "\x16\x03\x01", 3);
    record[3] = (uint8_t)(size >> 8), record[4] = (uint8_t)size;
    return RECORD_HEAD + size;
}

/* Whether nothing need be told of a hello; then it is counted. */
static int greet(Pairs *pairs, const Hello *hello, const Arrival *arrival) {
    bool ours = false;
    int passed = hello->ech == NO_ECH ? greetings_pass(&pairs->greetings, hello->host, arrival->ends, &ours) : UNKNOWN;
    pairs->names += passed == YES;
    pairs->connections += passed == YES && ours;
    if (passed != UNKNOWN) return passed;
    PyObject *said = PyObject_CallFunction(pairs->told, "y#iy#L", hello->host.at, (Py_ssize_t)hello->host.size,
                                           hello->ech, arrival->ends.at, (Py_ssize_t)arrival->ends.size,
                                           (long long)arrival->time_ns);
    passed = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return passed;
}

/* What is kept of a hello that is not whole; NULL where there is no memory. */
static Partial *keep(const Pairs *pairs, const Keys *keys, const Joined *joined) {
    size_t runs = joined->count * sizeof(Run);
    Partial *partial = PyMem_Malloc(sizeof(Partial) + runs + joined->size);
    if (partial == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *partial = (Partial){.keys = *keys, .size = joined->size, .count = joined->count};
    memcpy(partial->runs, joined->runs, runs);
    memcpy((uint8_t *)partial->runs + runs, pairs->hello + RECORD_HEAD, joined->size);
    return partial;
}

/* Room for one more; of the pair that goes for it nothing is told. */
static int make_room(Pairs *pairs) {
    Place *oldest = lru_oldest(&pairs->all);
    if (pairs->all.count < pairs->limit || oldest == NULL) return YES;
    if (oldest->pair != NULL || oldest->partial != NULL) {
        PyErr_SetString(PyExc_SystemError, "another pair is the oldest now");
        return FAILED;
    }
    if (count_up(pairs->evictions, pairs->name, 1) == FAILED) return FAILED;
    pairs->held -= pairs_cost(NULL);
    pairs_remove(pairs, oldest);
    return YES;
}

static Place *begin(Pairs *pairs, const Arrival *arrival) {
    Place *place = make_room(pairs) == FAILED ? NULL : lru_add(&pairs->all, arrival->key);
    if (place == NULL) return NULL;
    place->ends_size = (uint8_t)arrival->ends.size;
    memcpy(place->ends, arrival->ends.at, arrival->ends.size);
    place->dcid = cid_of(arrival->header.dcid);
    place->has_token = arrival->header.has_token;
    place->interface = Py_NewRef(arrival->interface);
    return place;
}

/* The pair as it is from now on, with what is here of its hello; NULL: that was counted. It is this one's to keep. */
static int settle(Pairs *pairs, const Arrival *arrival, Partial *partial) {
    Place *place = lru_find(&pairs->all, arrival->key);
    long long before = place == NULL ? 0 : pairs_cost(place->partial);
    if (place == NULL) place = begin(pairs, arrival);
    else lru_touch(&pairs->all, &place->link);
    if (place == NULL || place->pair != NULL) {
        if (place != NULL) PyErr_SetString(PyExc_SystemError, "another pair is there now");
        PyMem_Free(partial);
        return FAILED;
    }
    PyMem_Free(place->partial);
    place->partial = partial;
    place->last_ns = arrival->time_ns;
    pairs->held += pairs_cost(partial) - before;
    return YES;
}

/* Whether a packet's frames fit beside what is held; they need no place where one of them is the whole hello. */
static bool fits(const Pairs *pairs, const Joined *joined, bool is_at_once) {
    Partial as = {.size = joined->size, .count = joined->count};
    return pairs->held + pairs_cost(is_at_once ? NULL : &as) <= pairs->most;
}

static int take_frames(Pairs *pairs, const Arrival *arrival, const Partial *before, const Keys *keys, Span frames) {
    Part parts[MAX_PARTS];
    Joined joined;
    Hello hello;
    int count = initial_parts(frames, parts, MAX_PARTS);
    if (count == ODD) return NO;
    if (count == MANY || !join(pairs, before, parts, count, &joined)) return UNKNOWN;
    size_t size = record_size(pairs, &joined);
    bool is_at_once = size > 0 && count == 1 && (before == NULL || before->size == 0);
    if (!fits(pairs, &joined, is_at_once)) return NO;
    if (size == 0) {
        Partial *partial = keep(pairs, keys, &joined);
        return partial == NULL ? FAILED : settle(pairs, arrival, partial);
    }
    int greeted = hello_read((Span){pairs->hello, size}, &hello) ? greet(pairs, &hello, arrival) : NO;
    return greeted == YES ? settle(pairs, arrival, NULL) : greeted;
}

/* Take a piece of a hello, if it is the first of its pair or its attempt has partial. */
static int take_initial(Pairs *pairs, const Arrival *arrival, const Place *place) {
    Keys keys;
    Span frames;
    if (place == NULL) {
        int room = has_room(pairs);
        if (room != YES) return room;
        ciphers_keys(&pairs->ciphers, arrival->header.dcid, &keys);
    } else if (place->partial != NULL && cid_is(&place->dcid, arrival->header.dcid)) {
        keys = place->partial->keys;
    } else {
        return NO;
    }
    if (!initial_unseal(&pairs->ciphers, &keys, arrival->datagram, &arrival->header, pairs->clear, &frames)) return NO;
    return take_frames(pairs, arrival, place == NULL ? NULL : place->partial, &keys, frames);
}

int pairs_take(Pairs *pairs, Span datagram, Span ends, int64_t time_ns, PyObject *interface) {
    uint8_t bytes[ENDS_MAX];
    Arrival arrival = {.datagram = datagram, .ends = ends, .time_ns = time_ns, .interface = interface};
    if (!header_read(datagram, 0, &arrival.header)) return UNKNOWN;
    Place *reverse = lru_find(&pairs->all, hash_of(opposite(ends, bytes)));
    if (reverse != NULL) return reverse->pair != NULL ? UNKNOWN : take_answer(reverse, &arrival.header);
    arrival.key = hash_of(ends);
    const Place *place = lru_find(&pairs->all, arrival.key);
    if (place != NULL && place->pair != NULL) return UNKNOWN;
    int chosen = choose(place, &arrival);
    return chosen == ONWARD ? take_initial(pairs, &arrival, place) : chosen;
}
