/* Keep-alives of connections that the streams follow: worker/quick.py, ``_repeats``. */
#include "quick.h"

int quick_repeats(Quick *quick, Span ends, int64_t key, uint32_t seq, int64_t time_ns) {
    int followed = quick_is_followed(quick, key), measured = followed == YES ? quick_is_measured(quick, ends) : NO;
    if (followed != YES || measured != NO) return followed == FAILED || measured == FAILED ? FAILED : NO;
    return quick_is_said(quick, PyObject_CallFunction(quick->known.repeats, "LkL", (long long)key, (unsigned long)seq,
                                                      (long long)time_ns));
}
