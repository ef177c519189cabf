/* Whose bytes are counted, as the volumes say; worker/surroundings.py, is_measured. */
#include "quick.h"

int quick_refresh(Quick *quick) {
    Measured *measured = &quick->measured;
    if (measured->is_fresh) return YES;
    PyObject *active = PyObject_GetAttr(quick->known.volumes, quick->active);
    PyObject *number = active == NULL ? NULL : PyObject_GetAttr(quick->known.volumes, quick->generation);
    int any = number == NULL ? FAILED : PyObject_IsTrue(active);
    unsigned long long generation = number == NULL ? 0 : PyLong_AsUnsignedLongLong(number);
    Py_XDECREF(active);
    Py_XDECREF(number);
    if (PyErr_Occurred()) return FAILED;
    if (generation != measured->generation) table_clear(&measured->armed);
    measured->generation = generation, measured->active = any == YES, measured->is_fresh = true;
    return YES;
}

static int is_armed(Quick *quick, Span address) {
    Table *asked = &quick->measured.armed;
    uint64_t hash = table_hash(asked, address);
    int armed = table_get_hash(asked, hash);
    if (armed >= 0) return armed;
    armed = contains_bytes(quick->known.armed, address);
    return armed == FAILED || table_put_hash(asked, hash, (uint8_t)armed) == FAILED ? FAILED : armed;
}

int quick_is_measured(Quick *quick, Span ends) {
    if (quick_refresh(quick) == FAILED) return FAILED;
    if (!quick->measured.active) return NO;
    size_t size = (ends.size - 4) / 2;
    int source = is_armed(quick, (Span){ends.at, size});
    return source == NO ? is_armed(quick, (Span){ends.at + size, size}) : source;
}

int quick_is_armed(Quick *quick, Span address) {
    if (quick_refresh(quick) == FAILED) return FAILED;
    return quick->measured.active ? is_armed(quick, address) : NO;
}
