/* egret.worker._gate: what Python sees of the compiled gate. */
#include "hello.h"
#include "native.h"
#include "pairs.h"
#include "quick.h"
#include "remembered.h"
#include "prelude.h"
#include "request.h"
#include "trains.h"

#include <structmember.h> /* behind Python.h */

enum { MAX_QUIET = 1 << 17, MAX_DULL = 1 << 16, MAX_KNOWN = 1 << 16 };

/* What the module keeps: the types that a sluice asks for. */
typedef struct {
    PyObject *copies, *waiting, *mapping;
} Types;

static int sluice_traverse(Sluice *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->tick);
    Py_VISIT(self->watched);
    Py_VISIT(self->measured);
    Py_VISIT(self->measure);
    Py_VISIT(self->segment);
    Py_VISIT(self->quick);
    Py_VISIT(self->trains);
    Py_VISIT(self->udp.pairs);
    Py_VISIT(self->udp.begins);
    Py_VISIT(self->udp.measured);
    Py_VISIT(self->udp.weigh);
    Py_VISIT(self->lookups.flagged);
    Py_VISIT(self->lookups.wanted);
    Py_VISIT(self->lookups.heard);
    Py_VISIT(self->lookups.read_question);
    Py_VISIT(self->lookups.on_run);
    Py_VISIT(self->lookups.run);
    return 0;
}

static int sluice_clear(Sluice *self) {
    if (self->quick != NULL && self->quick->lookups == &self->lookups) self->quick->lookups = NULL;
    Py_CLEAR(self->tick);
    Py_CLEAR(self->watched);
    Py_CLEAR(self->measured);
    Py_CLEAR(self->measure);
    Py_CLEAR(self->segment);
    Py_CLEAR(self->quick);
    Py_CLEAR(self->trains);
    Py_CLEAR(self->udp.pairs);
    Py_CLEAR(self->udp.begins);
    Py_CLEAR(self->udp.measured);
    Py_CLEAR(self->udp.weigh);
    Py_CLEAR(self->lookups.flagged);
    Py_CLEAR(self->lookups.wanted);
    Py_CLEAR(self->lookups.heard);
    Py_CLEAR(self->lookups.read_question);
    Py_CLEAR(self->lookups.on_run);
    Py_CLEAR(self->lookups.run);
    return 0;
}

static void sluice_dealloc(Sluice *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    sluice_clear(self);
    Py_CLEAR(self->lookups.copies);
    Py_CLEAR(self->lookups.waiting);
    table_close(&self->quiet);
    table_close(&self->lookups.known);
    table_close(&self->lookups.asking);
    table_close(&self->lookups.answering);
    table_close(&self->udp.unmeasured);
    type->tp_free(self);
    Py_DECREF(type);
}

enum { BITMAPS = 6 };

/* The types of a module belong to it, so that this one finds the others by the module of its own. */
static PyObject *sluice_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    static char *known[] = {"apart",   "versions", "expected", "types",   "protocols", "pairs",    "begins",
                            "flagged", "wanted",   "waiting",  "copies",  "segment",   "tick",     "watched",
                            "measured", "measure", "weigh",    "secret",  "local",     NULL};
    PyObject *pairs, *begins, *flagged, *wanted, *waiting, *copies, *segment;
    PyObject *tick, *watched, *measured, *measure, *weigh;
    const char *bytes, *bitmaps[BITMAPS];
    Py_ssize_t size, sizes[BITMAPS];
    Secret secret;
    if (!PyArg_ParseTupleAndKeywords(args, names, "$y#y#y#y#y#OOOOOOOOOOOOy#y#", known, &bitmaps[0], &sizes[0],
                                     &bitmaps[1], &sizes[1], &bitmaps[2], &sizes[2], &bitmaps[3], &sizes[3], &bitmaps[4],
                                     &sizes[4], &pairs, &begins, &flagged, &wanted, &waiting, &copies, &segment, &tick,
                                     &watched, &measured, &measure, &weigh, &bytes, &size, &bitmaps[5], &sizes[5]))
        return NULL;
    for (int at = 0; at < BITMAPS; at++) {
        if (sizes[at] == BITMAP) continue;
        PyErr_SetString(PyExc_ValueError, "a bit for each number of 16 bits is needed");
        return NULL;
    }
    const Types *types = PyType_GetModuleState(type);
    if (types == NULL || size != sizeof secret || !Py_IS_TYPE(copies, (PyTypeObject *)types->copies) ||
        !Py_IS_TYPE(waiting, (PyTypeObject *)types->waiting)) {
        PyErr_SetString(PyExc_TypeError, "copies and waiting of this module, and a secret of 16 bytes");
        return NULL;
    }
    memcpy(&secret, bytes, sizeof secret);
    Sluice *self = (Sluice *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->tick = Py_NewRef(tick);
    self->watched = Py_NewRef(watched);
    self->measured = Py_NewRef(measured);
    self->measure = Py_NewRef(measure);
    self->segment = Py_NewRef(segment);
    self->quick = is_quick(segment) ? (Quick *)Py_NewRef(segment) : NULL;
    if (self->quick != NULL) self->quick->lookups = &self->lookups;
    self->lookups.flagged = Py_NewRef(flagged);
    self->lookups.wanted = Py_NewRef(wanted);
    self->lookups.waiting = (Waiting *)Py_NewRef(waiting);
    self->lookups.copies = (Copies *)Py_NewRef(copies);
    uint8_t *places[BITMAPS] = {self->udp.apart, self->udp.versions, self->udp.expected, self->nothing.types,
                                self->nothing.protocols, self->udp.local};
    for (int at = 0; at < BITMAPS; at++) memcpy(places[at], bitmaps[at], BITMAP);
    self->udp.pairs = is_pairs(pairs) ? (Pairs *)Py_NewRef(pairs) : NULL;
    self->udp.begins = Py_NewRef(begins);
    self->udp.measured = Py_NewRef(measured);
    self->udp.weigh = Py_NewRef(weigh);
    self->udp.quick = self->quick;
    self->udp.lookups = &self->lookups;
    if (table_open(&self->quiet, MAX_QUIET, self->quick == NULL ? &secret : &self->quick->secret) == FAILED ||
        table_open(&self->lookups.known, MAX_KNOWN, &secret) == FAILED ||
        table_open(&self->lookups.asking, MAX_DULL, &secret) == FAILED ||
        table_open(&self->lookups.answering, MAX_DULL, &secret) == FAILED ||
        table_open(&self->udp.unmeasured, MAX_DULL, &secret) == FAILED) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *forget_quiet(Sluice *self, PyObject *Py_UNUSED(none)) {
    table_clear(&self->quiet);
    Py_RETURN_NONE;
}

static PyObject *forget_ends(Sluice *self, PyObject *Py_UNUSED(none)) {
    table_clear(&self->lookups.asking);
    table_clear(&self->lookups.answering);
    table_clear(&self->udp.unmeasured);
    Py_RETURN_NONE;
}

static PyObject *forget_names(Sluice *self, PyObject *none) {
    table_clear(&self->lookups.known);
    return forget_ends(self, none);
}

static PyObject *take_counts(Sluice *self, PyObject *Py_UNUSED(none)) {
    Lookups *lookups = &self->lookups;
    PyObject *counts = Py_BuildValue("LLLLLLLL", self->segments, self->datagrams, self->noise, self->octets, lookups->queries,
                                     lookups->answers, lookups->aliases, lookups->repeated);
    if (counts != NULL) {
        self->segments = self->datagrams = self->noise = self->octets = 0;
        lookups->queries = lookups->answers = lookups->aliases = lookups->repeated = 0;
    }
    return counts;
}

static PyObject *listen(Sluice *self, PyObject *Py_UNUSED(none)) {
    self->lookups.apart = self->udp.apart;
    Py_RETURN_NONE;
}

static PyObject *hear_in_runs(Sluice *self, PyObject *const *args, Py_ssize_t count) {
    if (count != 2 || self->quick == NULL || self->lookups.apart == NULL) {
        PyErr_SetString(PyExc_TypeError, "hear_in_runs(read_question, on_run), of a sluice that listens, with a Quick");
        return NULL;
    }
    Py_XSETREF(self->lookups.read_question, Py_NewRef(args[0]));
    Py_XSETREF(self->lookups.on_run, Py_NewRef(args[1]));
    self->lookups.quick = self->quick;
    Py_RETURN_NONE;
}

static PyObject *take_heard(Sluice *self, PyObject *Py_UNUSED(none)) {
    PyObject *heard = self->lookups.heard;
    if (heard == NULL) Py_RETURN_NONE;
    self->lookups.heard = NULL;
    return heard;
}

static PyObject *map(Sluice *self, PyObject *args) {
    const Types *types = PyType_GetModuleState(Py_TYPE(self));
    return types == NULL ? NULL : PyObject_Call(types->mapping, args, NULL);
}

static PyObject *hold_fragments(Sluice *self, PyObject *trains) {
    if (is_trains(trains)) {
        Py_XSETREF(self->trains, (Trains *)Py_NewRef(trains));
        Py_RETURN_NONE;
    }
    PyErr_SetString(PyExc_TypeError, "trains of this module");
    return NULL;
}

static PyObject *divide(Sluice *self, PyObject *args) {
    if (share_open(&self->share, args) == FAILED) return NULL;
    self->udp.divided = self->share.of > 1;
    Py_RETURN_NONE;
}

static PyObject *owner_of(Sluice *self, PyObject *frame) {
    if (PyBytes_Check(frame) && self->share.of > 0) {
        Span data = {(const uint8_t *)PyBytes_AS_STRING(frame), (size_t)PyBytes_GET_SIZE(frame)}, ip;
        return PyLong_FromLong(link_find_ip(ETHERNET, data, &ip) ? share_owner(&self->share, ip) : EVERYONE);
    }
    PyErr_SetString(PyExc_TypeError, "bytes, of a sluice that was divided");
    return NULL;
}

#define METHOD(name, call, kind) {name, (PyCFunction)(void (*)(void))call, kind, "As in ``egret.worker.sluice``."}

static PyMethodDef sluice_methods[] = {
    METHOD("pcap", run_pcap, METH_VARARGS),
    METHOD("pcapng", run_pcapng, METH_VARARGS),
    METHOD("ring", run_ring, METH_VARARGS),
    METHOD("skip", run_one, METH_VARARGS),
    METHOD("listen", listen, METH_NOARGS),
    METHOD("hear_in_runs", hear_in_runs, METH_FASTCALL),
    METHOD("take_heard", take_heard, METH_NOARGS),
    METHOD("map", map, METH_VARARGS),
    METHOD("forget_quiet", forget_quiet, METH_NOARGS),
    METHOD("forget_ends", forget_ends, METH_NOARGS),
    METHOD("forget_names", forget_names, METH_NOARGS),
    METHOD("take_counts", take_counts, METH_NOARGS),
    METHOD("hold_fragments", hold_fragments, METH_O),
    METHOD("divide", divide, METH_VARARGS),
    METHOD("owner_of", owner_of, METH_O),
    {0},
};

static PyMemberDef sluice_members[] = {
    {"segments", T_LONGLONG, offsetof(Sluice, segments), READONLY, "TCP segments that were taken and not settled."},
    {"datagrams", T_LONGLONG, offsetof(Sluice, datagrams), READONLY, "The same of UDP."},
    {"noise", T_LONGLONG, offsetof(Sluice, noise), READONLY, "The same of frames that hold neither."},
    {"foreign", T_LONGLONG, offsetof(Sluice, foreign), READONLY, "Frames that another process has."},
    {"last_ns", T_LONGLONG, offsetof(Sluice, last_ns), READONLY, "When the last frame came that was asked about."},
    {0},
};

static PyType_Slot sluice_slots[] = {
    {Py_tp_doc, "As ``egret.worker.sluice.Sluice``."},
    {Py_tp_new, sluice_new},
    {Py_tp_dealloc, sluice_dealloc},
    {Py_tp_traverse, sluice_traverse},
    {Py_tp_clear, sluice_clear},
    {Py_tp_methods, sluice_methods},
    {Py_tp_members, sluice_members},
    {0},
};

static PyType_Spec sluice_spec = {
    "egret.worker._gate.Sluice", sizeof(Sluice), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, sluice_slots,
};

static int fill(PyObject *module) {
    Types *types = PyModule_GetState(module);
    tables_open();
    types->copies = PyType_FromModuleAndSpec(module, &copies_spec, NULL);
    types->waiting = PyType_FromModuleAndSpec(module, &waiting_spec, NULL);
    types->mapping = PyType_FromModuleAndSpec(module, &mapping_spec, NULL);
    bool known = types->copies != NULL && types->waiting != NULL && types->mapping != NULL;
    PyObject *sluice = !known ? NULL : PyType_FromModuleAndSpec(module, &sluice_spec, NULL);
    PyObject *quick = sluice == NULL ? NULL : PyType_FromModuleAndSpec(module, &quick_spec, NULL);
    PyObject *remembered = quick == NULL ? NULL : PyType_FromModuleAndSpec(module, &remembered_spec, NULL);
    PyObject *truths = remembered == NULL ? NULL : PyType_FromModuleAndSpec(module, &truths_spec, NULL);
    PyObject *pairs = truths == NULL ? NULL : PyType_FromModuleAndSpec(module, &pairs_spec, NULL);
    PyObject *talks = pairs == NULL ? NULL : PyType_FromModuleAndSpec(module, &talks_spec, NULL);
    PyObject *dns = talks == NULL ? NULL : PyType_FromModuleAndSpec(module, &dns_table_spec, NULL);
    PyObject *trains = dns == NULL ? NULL : PyType_FromModuleAndSpec(module, &trains_spec, NULL);
    int failed = trains == NULL || PyModule_AddObjectRef(module, "Trains", trains) < 0 ||
                 PyModule_AddObjectRef(module, "Copies", types->copies) < 0 ||
                 PyModule_AddObjectRef(module, "Waiting", types->waiting) < 0 ||
                 PyModule_AddObjectRef(module, "Mapping", types->mapping) < 0 ||
                 PyModule_AddObjectRef(module, "Sluice", sluice) < 0 ||
                 PyModule_AddObjectRef(module, "Quick", quick) < 0 ||
                 PyModule_AddObjectRef(module, "Remembered", remembered) < 0 ||
                 PyModule_AddObjectRef(module, "Truths", truths) < 0 ||
                 PyModule_AddObjectRef(module, "Pairs", pairs) < 0 || PyModule_AddObjectRef(module, "Talks", talks) < 0 ||
                 PyModule_AddObjectRef(module, "DnsTable", dns) < 0;
    failed = failed || PyModule_AddIntConstant(module, "SOURCES", SOURCES) < 0; /* scripts/build_native.py */
    Py_XDECREF(sluice);
    Py_XDECREF(quick);
    Py_XDECREF(remembered);
    Py_XDECREF(truths);
    Py_XDECREF(pairs);
    Py_XDECREF(talks);
    Py_XDECREF(dns);
    Py_XDECREF(trains);
    return failed ? -1 : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    Types *types = PyModule_GetState(module);
    Py_VISIT(types->copies);
    Py_VISIT(types->waiting);
    Py_VISIT(types->mapping);
    return 0;
}

static int module_clear(PyObject *module) {
    Types *types = PyModule_GetState(module);
    Py_CLEAR(types->copies);
    Py_CLEAR(types->waiting);
    Py_CLEAR(types->mapping);
    return 0;
}

/* The bytes of an argument; at is NULL where it is none, and that is said. */
static Span span_of(PyObject *data) {
    if (PyBytes_Check(data))
        return (Span){(const uint8_t *)PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)};
    PyErr_SetString(PyExc_TypeError, "bytes are needed");
    return (Span){NULL, 0};
}

static PyObject *read_plain(PyObject *Py_UNUSED(module), PyObject *data) {
    Span bytes = span_of(data);
    Hello hello;
    if (bytes.at == NULL) return NULL;
    if (!hello_read(bytes, &hello)) Py_RETURN_NONE;
    return Py_BuildValue("y#i", hello.host.at, (Py_ssize_t)hello.host.size, hello.ech);
}

static PyObject *is_plain_prelude(PyObject *Py_UNUSED(module), PyObject *data) {
    Py_buffer bytes;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) return NULL;
    bool is_one = prelude_is_plain((Span){bytes.buf, (size_t)bytes.len});
    PyBuffer_Release(&bytes);
    return PyBool_FromLong(is_one);
}

static PyObject *read_request(PyObject *Py_UNUSED(module), PyObject *data) {
    Span bytes = span_of(data);
    Request request;
    if (bytes.at == NULL) return NULL;
    if (!request_read(bytes, &request)) Py_RETURN_NONE;
    return Py_BuildValue("y#n", request.host.at, (Py_ssize_t)request.host.size, (Py_ssize_t)request.size);
}

static PyObject *read_lookup(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count) {
    Span wire = count == 2 ? span_of(args[1]) : (Span){NULL, 0};
    if (count != 2) PyErr_SetString(PyExc_TypeError, "read_lookup(read_question, wire)");
    return wire.at == NULL ? NULL : lookup_read(wire, args[0]);
}

static PyObject *first_of_plain(PyObject *Py_UNUSED(module), PyObject *data) {
    Span hello = span_of(data);
    return hello.at == NULL ? NULL : PyLong_FromSize_t(hello_size(hello));
}

static PyObject *opens_quic(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) {
    Ciphers ciphers = {0};
    bool opened = ciphers_open(&ciphers);
    ciphers_close(&ciphers);
    return PyBool_FromLong(opened);
}

static PyMethodDef functions[] = {
    {"opens_quic", opens_quic, METH_NOARGS, "Whether there is an OpenSSL to open QUIC's packets with."},
    {"read_plain", read_plain, METH_O, "As in ``egret.decode.plain_hello``."},
    {"is_plain_prelude", is_plain_prelude, METH_O, "As in ``egret.track.preludes``."},
    {"read_request", read_request, METH_O, "As ``egret.decode.plain_request.read_plain``."},
    {"read_lookup", (PyCFunction)(void (*)(void))read_lookup, METH_FASTCALL, "As ``egret.decode.plain_lookup.read_plain``."},
    {"first_of_plain", first_of_plain, METH_O, "As in ``egret.decode.plain_hello``."},
    {0},
};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "egret.worker._gate",
    .m_doc = "The gate, compiled.",
    .m_size = sizeof(Types),
    .m_methods = functions,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__gate(void) { return PyModuleDef_Init(&definition); }
