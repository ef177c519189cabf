/* What is awaited in directions that the streams know, or follow; track/known_streams.py is the same in Python. */
#include "quick.h"

#include "remembered.h"

#define DNS_STREAM (-2) /* in the place of a sequence number: track/young.py */
#define ANYTHING (-1)   /* track/late.py */

static PyObject *number_object(const void *number) { return PyLong_FromLongLong(*(const int64_t *)number); }

/* Whether a table has a direction, by its key. */
static int is_followed(PyObject *followed, int64_t key) { return contains(followed, number_object, &key); }

int quick_is_followed(const Quick *quick, int64_t key) { return is_followed(quick->known.flows, key); }

int quick_is_replied(const Quick *quick, int64_t key) { return is_followed(quick->known.replies, key); }

int quick_awaits(Quick *quick, Span ends, int *awaited) {
    uint8_t bytes[ENDS_MAX];
    int64_t keys[] = {hash_of(ends), hash_of(opposite(ends, bytes))}, value;
    PyObject *tables[] = {quick->known.flows, quick->known.replies};
    if (talks_find(quick->known.talks, keys[0]) != NULL) return NO;
    for (int each = 0; each < 2; each++) {
        int followed = is_followed(tables[each], keys[0]);
        if (followed != NO) return followed == FAILED ? FAILED : NO;
    }
    int followed = is_followed(quick->known.flows, keys[1]);
    if (followed != NO) return followed == FAILED ? FAILED : UNKNOWN;
    for (int each = 0; each < 2; each++) {
        int decided = remembered_get((Remembered *)quick->known.decided, keys[each], &value);
        if (decided != YES || value == DNS_STREAM) return decided == FAILED ? FAILED : NO;
    }
    int late = remembered_get((Remembered *)quick->known.late, keys[0], &value);
    *awaited = late == NO ? NOTHING : value == ANYTHING ? RECORDS_AND_REQUESTS : RECORDS;
    return late == FAILED ? FAILED : YES;
}

int quick_repeats(Quick *quick, Span ends, int64_t key, uint32_t seq, int64_t time_ns) {
    int followed = quick_is_followed(quick, key), measured = followed == YES ? quick_is_measured(quick, ends) : NO;
    if (followed != YES || measured != NO) return followed == FAILED || measured == FAILED ? FAILED : NO;
    return quick_is_said(quick, PyObject_CallFunction(quick->known.repeats, "LkL", (long long)key, (unsigned long)seq,
                                                      (long long)time_ns));
}
