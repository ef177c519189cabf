/* What Python sees of quick.c. */
#include "quick.h"

#include "hello.h"
#include "remembered.h"

enum { MOST = 1 << 20, MAX_ASKED = 1 << 14 /* addresses */ };

/* The pieces of a hello that came: [(time_ns, data)]. */
static PyObject *pieces_of(const Begun *begun) {
    PyObject *pieces = PyList_New(0);
    size_t at = 0;
    for (int number = 0; pieces != NULL && begun != NULL && number < begun->count; number++) {
        Piece piece = begun->pieces[number];
        PyObject *pair = Py_BuildValue("Ly#", (long long)piece.time_ns, begun->data + at, (Py_ssize_t)piece.size);
        if (pair == NULL || PyList_Append(pieces, pair) < 0) Py_CLEAR(pieces);
        Py_XDECREF(pair);
        at += piece.size;
    }
    return pieces;
}

/* A connection's segments; it is held no more. */
static PyObject *let_go(Quick *quick, Held *held) {
    PyObject *opened = Py_BuildValue("kLOK", (unsigned long)held->first, (long long)held->time_ns, held->interface,
                                     held->generation);
    PyObject *ends = bytes_of((Span){held->ends, held->size});
    PyObject *pieces = pieces_of(held->begun), *packets = NULL;
    PyObject *accepted = held->accepted ? Py_True : Py_False;
    quick_drop(quick, held);
    if (opened != NULL && ends != NULL && pieces != NULL)
        packets = PyObject_CallFunctionObjArgs(quick->known.packets, opened, ends, accepted, pieces, NULL);
    Py_XDECREF(opened);
    Py_XDECREF(ends);
    Py_XDECREF(pieces);
    return packets;
}

static PyObject *method_take(Quick *quick, PyObject *ends) {
    if (!PyBytes_Check(ends)) return PyErr_Format(PyExc_TypeError, "take(ends: bytes)");
    Span both = {(const uint8_t *)PyBytes_AS_STRING(ends), (size_t)PyBytes_GET_SIZE(ends)};
    Held *held = quick_find(quick, both, quick_hash(quick, both));
    return held == NULL ? PyList_New(0) : let_go(quick, held);
}

/* All that a client said, if that is a plain hello whose end is *payload*, at *seq*. */
static PyObject *whole_of(const Held *held, uint32_t seq, Span payload) {
    const Begun *begun = held->begun;
    if (begun != NULL && (begun->size == 0 || begun->hello > 0)) Py_RETURN_NONE;
    if (begun == NULL) {
        if (seq != held->first || hello_size(payload) != payload.size) Py_RETURN_NONE;
        return bytes_of(payload);
    }
    if (seq != held->first + (uint32_t)begun->there || payload.size != begun->size - begun->there || payload.size == 1)
        Py_RETURN_NONE;
    PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)begun->size);
    if (data == NULL) return NULL;
    memcpy(PyBytes_AS_STRING(data), begun->data, begun->there);
    memcpy(PyBytes_AS_STRING(data) + begun->there, payload.at, payload.size);
    return data;
}

static PyObject *method_whole(Quick *quick, PyObject *args) {
    const char *ends, *payload;
    Py_ssize_t ends_size, size;
    unsigned long seq;
    if (!PyArg_ParseTuple(args, "y#ky#:whole", &ends, &ends_size, &seq, &payload, &size)) return NULL;
    Span both = {(const uint8_t *)ends, (size_t)ends_size};
    const Held *held = quick_find(quick, both, quick_hash(quick, both));
    if (held == NULL || size == 0) Py_RETURN_NONE;
    PyObject *data = whole_of(held, (uint32_t)seq, (Span){(const uint8_t *)payload, (size_t)size});
    if (data == NULL || data == Py_None) return data;
    return Py_BuildValue("kON", (unsigned long)held->first, held->interface, data);
}

static PyObject *method_drop(Quick *quick, PyObject *ends) {
    if (!PyBytes_Check(ends)) return PyErr_Format(PyExc_TypeError, "drop(ends: bytes)");
    Span both = {(const uint8_t *)PyBytes_AS_STRING(ends), (size_t)PyBytes_GET_SIZE(ends)};
    Held *held = quick_find(quick, both, quick_hash(quick, both));
    if (held != NULL) quick_drop(quick, held);
    Py_RETURN_NONE;
}

/* By when they were opened. */
static int compare(const void *one, const void *other) {
    uint64_t first = (*(Held *const *)one)->serial, second = (*(Held *const *)other)->serial;
    return (first > second) - (first < second);
}

static PyObject *method_take_all(Quick *quick, PyObject *Py_UNUSED(nothing)) {
    Held **order = PyMem_Malloc((quick->count + 1u) * sizeof(Held *));
    if (order == NULL) return PyErr_NoMemory();
    size_t count = 0;
    for (uint32_t at = 0; at < quick->limit; at++)
        if (quick->held[at].size > 0) order[count++] = &quick->held[at];
    qsort(order, count, sizeof(Held *), compare);
    PyObject *all = PyList_New(0);
    for (size_t at = 0; all != NULL && at < count; at++) {
        PyObject *packets = order[at]->size > 0 ? let_go(quick, order[at]) : PyList_New(0);
        PyObject *joined = packets == NULL ? NULL : PySequence_InPlaceConcat(all, packets);
        Py_XDECREF(packets);
        Py_SETREF(all, joined);
    }
    PyMem_Free(order);
    return all;
}

static PyObject *method_segment(Quick *quick, PyObject *args) {
    Py_buffer buffer;
    Py_ssize_t start, end, ends_size;
    const char *ends;
    unsigned long seq;
    int flags;
    long long time_ns;
    PyObject *interface = Py_None;
    if (!PyArg_ParseTuple(args, "y*nny#kiL|O:segment", &buffer, &start, &end, &ends, &ends_size, &seq, &flags, &time_ns,
                          &interface))
        return NULL;
    int taken = NO;
    if (0 <= start && start <= end && end <= buffer.len && 4 <= ends_size && ends_size <= ENDS_MAX) {
        Span payload = {(const uint8_t *)buffer.buf + start, (size_t)(end - start)};
        Span both = {(const uint8_t *)ends, (size_t)ends_size};
        quick_python_called(quick);
        quick_forget_foreseen(quick);
        taken = quick_take(quick, both, quick_hash(quick, both), payload, (uint32_t)seq, (uint8_t)flags, time_ns,
                           interface, false);
    }
    PyBuffer_Release(&buffer);
    return taken == FAILED ? NULL : PyBool_FromLong(taken);
}

static int open_tables(Quick *quick, uint32_t limit) {
    for (quick->bucket_count = 2; quick->bucket_count < limit * 2; quick->bucket_count *= 2);
    quick->buckets = PyMem_Malloc(quick->bucket_count * sizeof(uint32_t));
    quick->held = PyMem_Calloc(limit, sizeof(Held));
    if (quick->buckets == NULL || quick->held == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    memset(quick->buckets, 0xFF, quick->bucket_count * sizeof(uint32_t)); /* NOWHERE */
    for (uint32_t at = 0; at < limit; at++) quick->held[at].next = at + 1 < limit ? at + 1 : NOWHERE;
    quick->limit = limit;
    return table_open(&quick->measured.armed, MAX_ASKED, &quick->secret);
}

static bool fits(const Known *known) {
    return is_remembered(known->decided) && is_remembered(known->late) && greetings_fit(&known->greetings) &&
           is_talks((PyObject *)known->talks) && is_dns_table((PyObject *)known->dns);
}

static void hold_known(Known *known) {
    Py_INCREF(known->volumes);
    Py_INCREF(known->decided);
    Py_INCREF(known->late);
    Py_INCREF(known->flows);
    Py_INCREF(known->talks);
    Py_INCREF(known->dns);
    Py_INCREF(known->replies);
    greetings_hold(&known->greetings);
    Py_INCREF(known->armed);
    Py_INCREF(known->told);
    Py_INCREF(known->nameless);
    Py_INCREF(known->unread);
    Py_INCREF(known->waits);
    Py_INCREF(known->tunnelled);
    Py_INCREF(known->packets);
    Py_INCREF(known->repeats);
}

static PyObject *quick_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    static char *words[] = {"volumes", "decided", "late",  "flows", "talks",   "replies", "hosts",  "clients",
                            "servers", "watched", "armed", "told",  "nameless", "unread", "waits", "tunnelled", "packets",
                            "limit",   "secret",  "dns",   "repeats", NULL};
    Known known = {0};
    Py_ssize_t limit, secret_size;
    const char *secret;
    if (!PyArg_ParseTupleAndKeywords(args, names, "$OOOOOOOOOOOOOOOOOny#OO", words, &known.volumes, &known.decided, &known.late,
                                     &known.flows, &known.talks, &known.replies, &known.greetings.hosts,
                                     &known.greetings.clients, &known.greetings.servers, &known.greetings.watched,
                                     &known.armed, &known.told, &known.nameless, &known.unread, &known.waits,
                                     &known.tunnelled, &known.packets, &limit, &secret, &secret_size, &known.dns, &known.repeats))
        return NULL;
    if (limit < 1 || limit > MOST || secret_size != sizeof(Secret) || !fits(&known)) {
        PyErr_SetString(PyExc_TypeError, "what is remembered, talks, DNS and truths of this module's kind; a secret of 16 bytes");
        return NULL;
    }
    Quick *quick = (Quick *)type->tp_alloc(type, 0);
    if (quick == NULL) return NULL;
    hold_known(&known);
    quick->known = known;
    quick->active = PyUnicode_InternFromString("active");
    quick->generation = PyUnicode_InternFromString("generation");
    memcpy(&quick->secret, secret, sizeof(Secret));
    if (quick->active == NULL || quick->generation == NULL || open_tables(quick, (uint32_t)limit) == FAILED)
        Py_CLEAR(quick);
    return (PyObject *)quick;
}

static int quick_traverse(Quick *quick, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(quick));
    Py_VISIT(quick->known.volumes);
    Py_VISIT(quick->known.decided);
    Py_VISIT(quick->known.late);
    Py_VISIT(quick->known.flows);
    Py_VISIT(quick->known.talks);
    Py_VISIT(quick->known.dns);
    Py_VISIT(quick->known.replies);
    Py_VISIT(quick->known.armed);
    Py_VISIT(quick->known.told);
    Py_VISIT(quick->known.nameless);
    Py_VISIT(quick->known.unread);
    Py_VISIT(quick->known.waits);
    Py_VISIT(quick->known.tunnelled);
    Py_VISIT(quick->known.packets);
    Py_VISIT(quick->known.repeats);
    return greetings_visit(&quick->known.greetings, visit, arg);
}

static int quick_clear(Quick *quick) {
    Py_CLEAR(quick->known.volumes);
    Py_CLEAR(quick->known.decided);
    Py_CLEAR(quick->known.late);
    Py_CLEAR(quick->known.flows);
    Py_CLEAR(quick->known.talks);
    Py_CLEAR(quick->known.dns);
    Py_CLEAR(quick->known.replies);
    greetings_clear(&quick->known.greetings);
    Py_CLEAR(quick->known.armed);
    Py_CLEAR(quick->known.told);
    Py_CLEAR(quick->known.nameless);
    Py_CLEAR(quick->known.unread);
    Py_CLEAR(quick->known.waits);
    Py_CLEAR(quick->known.tunnelled);
    Py_CLEAR(quick->known.packets);
    Py_CLEAR(quick->known.repeats);
    return 0;
}

static void quick_dealloc(Quick *quick) {
    PyTypeObject *type = Py_TYPE(quick);
    PyObject_GC_UnTrack(quick);
    quick_clear(quick);
    Py_CLEAR(quick->active);
    Py_CLEAR(quick->generation);
    for (uint32_t at = 0; quick->held != NULL && at < quick->limit; at++) {
        Py_CLEAR(quick->held[at].interface);
        PyMem_Free(quick->held[at].begun);
    }
    PyMem_Free(quick->held);
    PyMem_Free(quick->buckets);
    table_close(&quick->measured.armed);
    type->tp_free(quick);
    Py_DECREF(type);
}

bool is_quick(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)quick_dealloc; }

static Py_ssize_t quick_length(Quick *quick) { return (Py_ssize_t)quick->count; }

static PyObject *method_take_counts(Quick *quick, PyObject *Py_UNUSED(none)) {
    PyObject *counts = Py_BuildValue("LL", quick->names, quick->connections);
    if (counts != NULL) quick->names = quick->connections = 0;
    return counts;
}

static PyMethodDef methods[] = {
    {"segment", (PyCFunction)method_segment, METH_VARARGS, "As ``egret.worker.quick.Quick.segment``."},
    {"take", (PyCFunction)method_take, METH_O, "As ``egret.worker.quick.Quick.take``."},
    {"whole", (PyCFunction)method_whole, METH_VARARGS, "As ``egret.worker.quick.Quick.whole``."},
    {"drop", (PyCFunction)method_drop, METH_O, "As ``egret.worker.quick.Quick.drop``."},
    {"take_counts", (PyCFunction)method_take_counts, METH_NOARGS, "Names and connections counted since the last time."},
    {"take_all", (PyCFunction)method_take_all, METH_NOARGS, "As ``egret.worker.quick.Quick.take_all``."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.worker.quick.Quick``."},
    {Py_tp_new, quick_new},
    {Py_tp_dealloc, quick_dealloc},
    {Py_tp_traverse, quick_traverse},
    {Py_tp_clear, quick_clear},
    {Py_tp_methods, methods},
    {Py_sq_length, quick_length},
    {0},
};

PyType_Spec quick_spec = {"egret.worker._gate.Quick", sizeof(Quick), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
