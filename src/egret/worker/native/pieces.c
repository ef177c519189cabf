/* The first pieces of what the client of a held connection says: of a prelude perhaps, and of a hello; worker/quick.py,
 * _hello and _go_on. */
#include "quick.h"

#include "hello.h"
#include "prelude.h"

enum { MAX_PLAIN = 4096, PRELUDE_ROOM = 512, MAX_REQUEST = 1460, HELLO_START = 0x16 };

/* As much room for its bytes as the whole stream needs, as far as that is known. */
static int make_room(Held *held, size_t room) {
    Begun *begun = held->begun;
    if (begun != NULL && room <= begun->room) return YES;
    Begun *made = PyMem_Realloc(begun, sizeof(Begun) + room);
    if (made == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    if (begun == NULL) *made = (Begun){0};
    made->room = room;
    held->begun = made;
    return YES;
}

/* Whether a client's first bytes may ask a proxy for a tunnel: worker/proxied.py, may_ask. */
static bool may_ask(Span data) {
    if (data.size > MAX_REQUEST || data.size < 2) return false;
    if (data.at[0] == 4 || data.at[0] == 5) return true;
    return data.size >= 12 && memcmp(data.at, "CONNECT ", 8) == 0 && memcmp(data.at + data.size - 4, "\r\n\r\n", 4) == 0;
}

/* Whether a hello may follow, and of what came before that nothing need be told. */
static int may_follow(Quick *quick, const Held *held, Span data, bool *tunnel) {
    *tunnel = false;
    if (prelude_is_plain(data)) return YES;
    if (!may_ask(data)) return UNREAD;
    PyObject *said = PyObject_CallFunction(quick->known.waits, "y#y#", data.at, (Py_ssize_t)data.size, held->ends,
                                           (Py_ssize_t)held->size);
    int waits = quick_is_said(quick, said);
    *tunnel = waits == YES;
    return waits;
}

static void keep(Begun *begun, Span data, int64_t time_ns) {
    memcpy(begun->data + begun->there, data.at, data.size);
    begun->pieces[begun->count++] = (Piece){time_ns, data.size};
    begun->there += data.size;
}

int pieces_begin(Quick *quick, Held *held, Span data, int64_t time_ns) {
    size_t size = hello_size(data);
    bool is_hello = data.size < size && size <= MAX_PLAIN;
    bool tunnel = false;
    int follows = is_hello ? YES : may_follow(quick, held, data, &tunnel);
    if (follows != YES) return follows;
    if (make_room(held, is_hello ? size : tunnel ? MAX_REQUEST : PRELUDE_ROOM) == FAILED) return FAILED;
    held->begun->size = is_hello ? size : 0;
    held->begun->tunnel = tunnel;
    keep(held->begun, data, time_ns);
    return YES;
}

/* What follows a prelude: where the hello ends that begins with it, or 0 for more of the prelude. */
static int behind_prelude(Quick *quick, Held *held, Span data, size_t *size) {
    Begun *begun = held->begun;
    if (data.at[0] == HELLO_START) {
        size_t length = hello_size(data);
        *size = begun->there + length;
        return data.size <= length && length <= MAX_PLAIN ? make_room(held, *size) : NO;
    }
    if (begun->there + data.size > MAX_PLAIN) return NO;
    if (make_room(held, begun->there + data.size) == FAILED) return FAILED;
    begun = held->begun;
    memcpy(begun->data + begun->there, data.at, data.size); /* not there before it is kept */
    *size = 0;
    return may_follow(quick, held, (Span){begun->data, begun->there + data.size}, &begun->tunnel);
}

/* Whether a segment only says again what is there. The last piece that was kept is as young as that from then on: so the
 * streams would know when this client was last heard. */
static bool is_again(Begun *begun, Span data, uint32_t at, int64_t time_ns) {
    if (at >= begun->there || data.size > begun->there - at || memcmp(begun->data + at, data.at, data.size) != 0)
        return false;
    begun->pieces[begun->count - 1].time_ns = time_ns;
    return true;
}

int pieces_add(Quick *quick, Held *held, Span data, uint32_t seq, int64_t time_ns, Stream *whole) {
    *whole = (Stream){.size = held->begun->size, .hello = held->begun->hello};
    size_t there = held->begun->there;
    if (data.size <= 1) return NO; /* a lone byte may be a keep-alive's */
    if (seq != held->first + (uint32_t)there) return is_again(held->begun, data, seq - held->first, time_ns);
    if (whole->size == 0) {
        int fits = behind_prelude(quick, held, data, &whole->size);
        if (fits != YES) return fits;
        if (whole->size > 0) whole->hello = there;
    }
    Begun *begun = held->begun;
    if (whole->size > 0 && there + data.size >= whole->size) {
        if (there + data.size > whole->size) return NO;
        memcpy(begun->data + there, data.at, data.size); /* not counted as there until it is done */
        whole->is_here = true;
        return YES;
    }
    if (begun->count == MAX_PIECES) return NO;
    begun->size = whole->size, begun->hello = whole->hello;
    keep(begun, data, time_ns);
    return YES;
}
