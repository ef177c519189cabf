/* What the parts of the compiled gate share. Every one of them has a Python twin that is its oracle:
 *   walks.c    worker/walks.py, worker/sluice.py goes over frames
 *   gate.c     worker/sluice.py      what of them is taken
 *   link.c     decode/plain_link.py where IP begins
 *   ip.c       decode/plain_ip.py    what a packet carries behind options and extension headers
 *   trains.c   track/fragments.py    fragments that come in their order
 *   tunnels.c  decode/plain_tunnel.py where the inner packet begins
 *   noise.c    decode/plain_noise.py frames that hold nothing
 *   datagrams.c worker/datagrams.py  which datagrams say nothing
 *   lookups.c  worker/plain.py       plain look-ups
 *   lookup_reader.c decode/plain_lookup.py what a look-up says
 *   runs.c     worker/pipeline.py    look-ups that are read, many at once
 *   records.c  worker/plain_records.py what the records of an answer tell
 *   copies.c   track/copies.py       datagrams that are seen twice
 *   waiting.c  track/waiting.py      answers that nobody has read; rope.c keeps their bytes
 *   pairs.c    track/pairs.py        who speaks QUIC; pairs_type.c is its type
 *   openings.c track/quic.py         what QUIC connections begin with
 *   initials.c decode/quic.py        packets with long headers, and what is in client Initials
 *   ciphers.c  decode/quic_keys.py   what protects those
 *   quick.c    worker/quick.py       young connections; quick_type.c is its type
 *   pieces.c, endings.c worker/quick.py what of them is kept; how they end without a name
 *   followed.c track/known_streams.py what is awaited of those that the streams follow
 *   measured.c worker/surroundings.py whose bytes are counted
 *   prelude.c track/preludes.py      what comes before hellos
 *   hello.c    decode/plain_hello.py plain hellos
 *   request.c  decode/plain_request.py plain requests of HTTP
 *   talks.c    track/conversations.py, worker/talks.py HTTP connections; talks_type.c is their type
 *   dns_table.c worker/dns_talks.py, track/dns_table.py DNS over TCP; dns_table_type.c is its type
 *   greetings.c worker/greetings.py  of which of those nothing need be told
 *   remembered.c track/tables.py     integers for integers: Remembered
 *   lru.c      tables that forget what was not used for longest: pairs, talks, who is waited for
 *   share.c    track/share.py       whose a frame is
 *   tables.c   dicts and sets of bytes; truths.c is the type of one
 *
 * Who reads bytes of the wire holds a Span and asks it; nothing is read but between its two ends. */
#ifndef EGRET_NATIVE_H
#define EGRET_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Results of whatever may call Python: FAILED is an exception that is set. */
enum { FAILED = -1, NO = 0, YES = 1 };

enum { METERED = 4 }; /* YES, and its bytes are to be counted; with what is awaited in a quiet direction */

#define ENDS_MAX 36 /* two IPv6 addresses and two ports */

/* Bytes that are there. */
typedef struct {
    const uint8_t *at;
    size_t size;
} Span;

static inline PyObject *bytes_of(Span span) {
    return PyBytes_FromStringAndSize((const char *)span.at, (Py_ssize_t)span.size);
}

static inline uint16_t big16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline uint32_t big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint32_t little32(const uint8_t *at) {
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* The ends of the direction back; track/direction.py. */
static inline Span opposite(Span ends, uint8_t back[ENDS_MAX]) {
    size_t size = (ends.size - 4) / 2;
    memcpy(back, ends.at + size, size);
    memcpy(back + size, ends.at, size);
    memcpy(back + 2 * size, ends.at + 2 * size + 2, 2);
    memcpy(back + 2 * size + 2, ends.at + 2 * size, 2);
    return (Span){back, ends.size};
}

/* What Python's hash says of these bytes: keyed as well, with its secret. */
static inline int64_t hash_of(Span bytes) {
    Py_hash_t hash = PyHash_GetFuncDef()->hash(bytes.at, (Py_ssize_t)bytes.size);
    return hash == -1 ? -2 : hash; /* as bytes.__hash__ has it */
}

/* link.c */

enum { ETHERNET = 1, IPV4 = 0x0800, IPV6 = 0x86DD, SMALLEST_IP = 20 + 20 };

bool link_find_ip(unsigned linktype, Span frame, Span *ip); /* false: its headers are not plain */
unsigned link_untagged(unsigned type, Span *rest);          /* an EtherType that tags may go before; *rest* is behind it */

/* ip.c */

/* What a packet carries: as much as is there, and how long it is, as the headers claim. */
typedef struct {
    unsigned protocol;
    Span body;
    size_t length;
} Carried;

/* False: it is a fragment, or its headers are not plain. Where they say no length, so many bytes are *missing* of it. */
bool ip_open(Span ip, size_t missing, Carried *carried);
Span ip_ends(Span ip, Span body, uint8_t ends[ENDS_MAX]); /* as if nothing were between addresses and ports */

/* tunnels.c */

enum { NO_TUNNEL, BARE, FRAMED }; /* what is in a tunnel: IP, a frame of Ethernet */

int tunnel_open(Span *ip);             /* 40 bytes at the least; what the packet carries is there after, if it is a tunnel */
bool tunnel_behind_labels(Span *data); /* the same of MPLS */
bool tunnel_is_none(unsigned port, Span payload); /* of UDP: surely not what its port says */

/* tables.c */

void tables_open(void); /* once, before any other */

/* Zeroed memory for a table that is looked into anywhere; of large pages where it is large and the system has such, for a
 * processor knows where few pages are. NULL, and that is said, where there is none. */
void *table_memory(size_t count, size_t size);
void *table_room(size_t size); /* the same of what is large, and not zeroed */
void table_release(void *memory);

int count_up(PyObject *counts, PyObject *name, size_t by); /* in a dict of numbers */

/* A keyed hash: who sends packets must not be able to choose where they go in a table. */
typedef struct {
    uint64_t key[2];
} Secret;

uint64_t keyed_hash(const Secret *secret, const uint8_t *first, size_t first_size, const uint8_t *second,
                    size_t second_size);

/* Bytes to a small number, at most *limit* of them; all are forgotten when there is one more. A key is known by the 64
 * bits of its keyed hash alone: that bytes are taken for others in a full table happens at one look-up in 2**47. */
typedef struct {
    uint64_t hash;
    uint32_t generation; /* the entry is there if it is the table's */
    uint32_t value;
} Entry;

typedef struct {
    Entry *entries;
    size_t slots, count, limit; /* slots: a power of two, at least twice the count */
    uint32_t generation;
    Secret secret;
} Table;

int table_open(Table *table, size_t limit, const Secret *secret);
void table_close(Table *table);
void table_clear(Table *table);
int table_put_hash(Table *table, uint64_t hash, uint8_t value);

static inline uint64_t table_hash(const Table *table, Span key) {
    return keyed_hash(&table->secret, key.at, key.size, NULL, 0);
}

/* The entry of a hash, or the free one where it would be. There is a free one: half of them are. */
static inline Entry *table_place(const Table *table, uint64_t hash) {
    for (size_t slot = (size_t)hash;; slot++) {
        Entry *entry = &table->entries[slot & (table->slots - 1)];
        if (entry->generation != table->generation || entry->hash == hash) return entry;
    }
}

static inline void table_prefetch(const Table *table, uint64_t hash) {
    __builtin_prefetch(&table->entries[hash & (table->slots - 1)]);
}

/* The value; -1 if it is not there. */
static inline int table_get_hash(const Table *table, uint64_t hash) {
    const Entry *entry = table_place(table, hash);
    return entry->generation == table->generation ? (int)entry->value : -1;
}

static inline int table_get(const Table *table, Span key) { return table_get_hash(table, table_hash(table, key)); }

static inline int table_put(Table *table, Span key, uint8_t value) {
    return table_put_hash(table, table_hash(table, key), value);
}

/* truths.c */

/* Whether something is so, by bytes: for Python a dict of them. */
typedef struct {
    PyObject_HEAD
    Table table;
} Truths;

extern PyType_Spec truths_spec;
bool is_truths(PyObject *object);

/* copies.c */

typedef struct Copies Copies;
extern PyType_Spec copies_spec;
uint64_t copies_key(const Copies *copies, Span ends, Span wire); /* of a datagram; and where it lies is fetched */
bool copies_seen(Copies *copies, uint64_t key, int64_t time_ns);

/* mapping.c */

extern PyType_Spec mapping_spec;

/* waiting.c */

typedef struct Waiting Waiting;
extern PyType_Spec waiting_spec;
int waiting_add(Waiting *waiting, Span client, int64_t time_ns, Span wire);

enum { BITMAP = 1 << 13 }; /* bytes of one bit for each number of 16 bits */

static inline bool bit_of(const uint8_t *bitmap, unsigned number) { return bitmap[number >> 3] >> (number & 7) & 1; }

/* noise.c */

typedef struct {
    uint8_t types[BITMAP], protocols[BITMAP]; /* of Ethernet and IP: what is looked into */
} Noise;

bool noise_is_frame(const Noise *noise, unsigned linktype, Span frame); /* in which no IP was found */
bool noise_is_carried(const Noise *noise, const Carried *carried);

/* lookups.c */

/* Two addresses whose look-ups nobody wants, as the table of that generation knows; they lie where they say themselves. */
typedef struct {
    uint64_t both;
    uint32_t generation;
} Dull;

enum { DULL_BITS = 10 };

typedef struct {
    PyObject *flagged; /* (host) -> whether a signature names it */
    PyObject *wanted;  /* (ends, answer) -> whether such look-ups are wanted whatever they say */
    Table known;       /* questions, and whose addresses are: whether no signature names them */
    Copies *copies;
    Waiting *waiting;
    Table asking, answering; /* both addresses of look-ups that nobody wants; of those of IPv4 the latest as well: */
    Dull lately_asking[1 << DULL_BITS], lately_answering[1 << DULL_BITS];
    long long queries, answers, aliases, repeated;
    const uint8_t *apart; /* as of Datagrams; NULL: look-ups of what a signature names are not heard */
    PyObject *heard;      /* of the frame that was left to the observer just now: (message, ends) */
    PyObject *read_question, *on_run; /* what is asked of those that are heard in a run, and told it; or NULL */
    PyObject *run;        /* a list of (time, message, ends, what it says); NULL: none is heard in one */
    int in_runs;          /* so many were since a frame with one was left to the observer */
    struct Quick *quick;  /* knows which addresses are armed */
} Lookups;

int lookups_take(Lookups *lookups, Span datagram, size_t length, Span ends, int64_t time_ns);

/* The same of a message over TCP, without its length. */
int lookups_take_message(Lookups *lookups, Span wire, Span ends, int64_t time_ns);

/* runs.c */

int runs_begin(Lookups *lookups);            /* a file is gone over */
int runs_end(Lookups *lookups, int taken);   /* no more; *taken*, or FAILED */
int runs_tell(Lookups *lookups);             /* what was heard, before anything else happens */
bool runs_go_on(uint8_t protocol, Span packet); /* whether they need not be told before that packet */

/* Hear a message of what a signature names, which is no copy; UNKNOWN: it is to be left to the observer. */
int runs_hear(Lookups *lookups, Span wire, Span ends, bool answer, int64_t time_ns);

/* lookup_reader.c */

/* What a message says, in a new tuple or None, with Python's reader of questions. */
PyObject *lookup_read(Span wire, PyObject *read_question);

/* pairs.c, pairs_type.c, openings.c */

typedef struct Pairs Pairs;
extern PyType_Spec pairs_spec;

enum { UNKNOWN = 2 }; /* beside YES and NO: Python must be asked */

/* Take a datagram that begins with a long header; NO: it is to be fed, UNKNOWN: Python's pass_over says. */
int pairs_take(Pairs *pairs, Span datagram, Span ends, int64_t time_ns, PyObject *interface);

/* quick.c */

typedef struct Quick Quick;

/* datagrams.c */


typedef struct {
    uint8_t apart[BITMAP];    /* ports whose datagrams may be more than their first bytes say, or less: */
    uint8_t local[BITMAP];    /* those of what stays on its link */
    uint8_t versions[BITMAP]; /* upper halves of versions of QUIC that are known */
    uint8_t expected[BITMAP]; /* ports where it is told what is no QUIC */
    Pairs *pairs;             /* NULL: begins is called */
    PyObject *begins;         /* (payload, ends, time, interface) -> whether nothing need be told of it */
    Quick *quick;             /* the sluice's; NULL: measured is called */
    PyObject *measured;       /* the sluice's */
    PyObject *weigh;          /* (ends, first byte, length, time, interface): a datagram whose bytes are counted */
    Table unmeasured;         /* both addresses of whose datagrams nobody counts the bytes */
    Lookups *lookups;         /* the sluice's */
    bool divided;             /* between several processes: whose what is on tunnels' ports is, is not told */
} Datagrams;

int datagrams_take(Datagrams *datagrams, Span packet, size_t length, Span ends, int64_t time_ns, PyObject *interface);

/* share.c */

enum { EVERYONE = -1, FOLLOWED = -2, MAX_SERVERS = 64 };

typedef struct {
    size_t size; /* of an address */
    uint8_t first[16], mask[16];
} Network;

/* Which of several processes this is, the ports of datagrams that all of them see, and servers that all of them follow. */
typedef struct {
    unsigned number, of; /* of: 0 where it is the only one */
    size_t count;
    uint8_t ports[65536 / 8];
    Network servers[MAX_SERVERS];
} Share;

int share_open(Share *share, PyObject *args);
int share_owner(const Share *share, Span ip);

/* trains.c */

typedef struct Trains Trains;

/* gate.c, walks.c */

/* The hash of the ends that lie there. */
typedef struct {
    const uint8_t *ends;
    uint64_t hash;
} Foreseen;

/* What goes over frames; the objects are called as worker/sluice.py says. */
typedef struct {
    PyObject_HEAD
    PyObject *tick, *watched, *measured, *measure, *segment;
    Quick *quick; /* NULL: segment is called */
    Lookups lookups;
    Datagrams udp;
    Share share;
    Noise nothing;
    Trains *trains; /* NULL: fragments are the observer's */
    Table quiet;
    Foreseen here, ahead; /* of the frame at hand, and of the next one */
    int64_t second_ns, last_ns;
    long long segments, datagrams, noise, octets, foreign;
} Sluice;

PyObject *run_pcap(Sluice *self, PyObject *args);
PyObject *run_pcapng(Sluice *self, PyObject *args);
PyObject *run_ring(Sluice *self, PyObject *args);
PyObject *run_one(Sluice *self, PyObject *args);

#endif
