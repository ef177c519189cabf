/* quick.c, pieces.c, endings.c and its type: young connections. */
#ifndef EGRET_QUICK_H
#define EGRET_QUICK_H

#include "dns_table.h"
#include "greetings.h"
#include "talks.h"

#define NOWHERE UINT32_MAX /* no number of a Held */

enum { MAX_PIECES = 8 }; /* of a prelude and a hello, but for the last */

typedef struct {
    int64_t time_ns;
    size_t size;
} Piece;

/* The first pieces of a prelude and a hello. */
typedef struct {
    size_t size, hello; /* where the hello ends, 0 while there is but a prelude; and where it begins */
    size_t there, room; /* bytes that came, and may */
    bool tunnel;        /* the prelude is a request for one; worker/proxied.py */
    int count;
    Piece pieces[MAX_PIECES];
    uint8_t data[];
} Begun;

typedef struct {
    uint8_t ends[ENDS_MAX];
    uint8_t size; /* of the ends; 0: nothing is held here */
    bool accepted;
    bool measured; /* whether its bytes are counted, in this generation of the measured addresses: */
    unsigned long long generation;
    uint32_t first; /* the sequence number behind the SYN */
    uint32_t next;  /* in the same bucket, or of the free ones */
    uint64_t serial;
    int64_t key, other;            /* of its direction, and of the one back: track/direction.py */
    int64_t time_ns;
    PyObject *interface;
    Begun *begun;
} Held;

/* What a client said. */
typedef struct {
    size_t size, hello;
    bool is_here; /* to its end */
} Stream;

/* What is asked of the rest, and told it: worker/quick.py, Surroundings. */
typedef struct {
    PyObject *volumes;                 /* say whether any address is measured */
    PyObject *armed;                   /* those that are */
    PyObject *decided, *late;          /* Remembered: by direction, what it is; where another hello may begin */
    PyObject *flows;                   /* directions of which more is awaited */
    Talks *talks;                      /* HTTP connections */
    DnsTable *dns;                     /* DNS over TCP */
    PyObject *replies;                 /* servers that are asked for addresses by HTTP */
    Greetings greetings;
    PyObject *told;    /* (host, ech, ends, back, first, end, time_ns) -> whether nothing need be told; then it is remembered */
    PyObject *nameless; /* (ends, back, first, spoke, time_ns) -> the same of a connection that ended without a name */
    PyObject *unread;   /* (data, ends, back, first, time_ns) -> the same of one whose client said nothing that is read */
    PyObject *waits;    /* (request, ends) -> whether nothing need be told of what asks for a tunnel */
    PyObject *tunnelled; /* (request, host, ech, ends, first, end, time_ns) -> the same with a hello behind it; as told */
    PyObject *repeats; /* (key, seq, time_ns) -> whether a lone byte there lies before what a followed direction begins with */
    PyObject *packets; /* (opened, ends, accepted, pieces) -> the segments of a connection */
} Known;

/* What the volumes said last: it is so until Python is called the next time. */
typedef struct {
    bool is_fresh, active;
    unsigned long long generation; /* of the armed addresses */
    Table armed;                   /* whether an address is, as far as it was asked in this generation */
} Measured;

/* What is awaited in a direction of TCP: worker/gate.py, AWAITED. */
enum { NOTHING, RECORDS, RECORDS_AND_REQUESTS };

/* The keys of a SYN's directions, reckoned before it was looked at. */
typedef struct {
    const uint8_t *ends; /* where they lie */
    int64_t key, other;
} SynKeys;

struct Quick {
    PyObject_HEAD
    Known known;
    SynKeys foreseen[2]; /* of the frame at hand, and of the next one */
    PyObject *active, *generation; /* the names of what is asked of the volumes */
    long long names, connections;  /* counted and not settled */
    Measured measured;
    Held *held;
    uint32_t *buckets;
    uint32_t limit, count, bucket_count, free;
    uint64_t serial;
    Secret secret;
    Lookups *lookups; /* the sluice's, which takes messages of DNS; NULL: there is none */
};

extern PyType_Spec quick_spec;

/* The hash of a direction's ends by which a connection is found. */
static inline uint64_t quick_hash(const Quick *quick, Span ends) {
    return keyed_hash(&quick->secret, ends.at, ends.size, NULL, 0);
}

/* Take a segment; NO leaves it to the observer. *payload* is the whole of what the headers claim, *hash* that of its ends.
 * METERED is YES where its bytes are to be counted, which the caller does if *metering*; else such are the observer's. */
int quick_take(Quick *quick, Span ends, uint64_t hash, Span payload, uint32_t seq, uint8_t flags, int64_t time_ns,
               PyObject *interface, bool metering);

/* A SYN between *ends* is the next frame: what is known of its directions is fetched now. */
void quick_foresee(Quick *quick, Span ends);

/* Other bytes may lie where those of the last frames did. */
static inline void quick_forget_foreseen(Quick *quick) { quick->foreseen[0].ends = quick->foreseen[1].ends = NULL; }

/* Python was or may have been called: what the volumes say may be other than it was. */
static inline void quick_python_called(Quick *quick) { quick->measured.is_fresh = false; }

/* Whether Python *said* so, whose answer it takes. */
static inline int quick_is_said(Quick *quick, PyObject *said) {
    int is_so = said == NULL ? FAILED : PyObject_IsTrue(said);
    Py_XDECREF(said);
    quick_python_called(quick);
    return is_so;
}

/* Whether the bytes of traffic between *ends* are counted: worker/quick.py, Surroundings.is_measured. */
int quick_is_measured(Quick *quick, Span ends);

int quick_is_armed(Quick *quick, Span address); /* the same of those of one address */

/* What is awaited in a direction, until such comes; NO: everything; UNKNOWN: Python must say, for more is awaited of the
 * direction back. track/known_streams.py, KnownStreams.watched. */
int quick_awaits(Quick *quick, Span ends, int *awaited);

bool is_quick(PyObject *object);
Held *quick_find(const Quick *quick, Span ends, uint64_t hash);
void quick_drop(Quick *quick, Held *held);
int quick_decide(const Quick *quick, int64_t key, int64_t other, uint32_t first); /* both directions are known from now on */

/* followed.c */

int quick_is_followed(const Quick *quick, int64_t key); /* whether more is awaited of a direction */
int quick_is_replied(const Quick *quick, int64_t key);  /* whether what a server replies by HTTP is */

/* Whether a lone byte is a keep-alive's of a direction that is followed. Python is called. */
int quick_repeats(Quick *quick, Span ends, int64_t key, uint32_t seq, int64_t time_ns);

/* measured.c */

int quick_refresh(Quick *quick); /* ask the volumes what may have changed since Python was called */

/* pieces.c */

/* With the first of a client's bytes; NO: not with such. Python may be called. */
int pieces_begin(Quick *quick, Held *held, Span data, int64_t time_ns);

enum { UNREAD = 3 }; /* it is nothing that a hello follows, nor one */

/* Another one; NO or UNREAD: such is not held. Where it is the last, *whole* says so, it is not kept, and all is in begun->data. */
int pieces_add(Quick *quick, Held *held, Span data, uint32_t seq, int64_t time_ns, Stream *whole);

/* Whether nothing need be told of a client that said *data*, and no more until *time_ns*; endings.c. */
int endings_unread(Quick *quick, Held *held, Span data, int64_t time_ns);

/* endings.c: whether nothing need be told of a FIN or a RST without payload. */

int endings_client(Quick *quick, Held *held, uint32_t seq, uint8_t flags, int64_t time_ns);
int endings_server(Quick *quick, Held *held, uint8_t flags, int64_t time_ns);

#endif
