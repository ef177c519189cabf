/* What Python sees of talks.c: track/conversations.py, ConversationTable. */
#include "talks.h"

/* The talk of a key; FAILED: it is none. */
static int find(const Talks *talks, PyObject *key, Talk **talk) {
    int64_t number = PyLong_AsLongLong(key);
    if (number == -1 && PyErr_Occurred()) return FAILED;
    *talk = talks_find(talks, number);
    return *talk != NULL;
}

static PyObject *method_get(Talks *talks, PyObject *key) {
    Talk *talk;
    int found = find(talks, key, &talk);
    if (found != YES) return found == FAILED ? NULL : Py_NewRef(Py_None);
    return Py_XNewRef(talks_restore(talks, talk));
}

static PyObject *method_resting(Talks *talks, PyObject *key) {
    Talk *talk;
    int found = find(talks, key, &talk);
    if (found == FAILED) return NULL;
    if (found == NO || talk->conversation != NULL) Py_RETURN_NONE;
    return Py_BuildValue("y#OkO", talk->ends, (Py_ssize_t)talk->ends_size, talk->interface, (unsigned long)talk->seq,
                         talk->host);
}

static PyObject *method_touch(Talks *talks, PyObject *key) {
    Talk *talk;
    int found = find(talks, key, &talk);
    if (found == NO) PyErr_SetObject(PyExc_KeyError, key);
    if (found != YES) return NULL;
    lru_touch(&talks->all, &talk->link);
    Py_RETURN_NONE;
}

static PyObject *method_pop(Talks *talks, PyObject *key) {
    Talk *talk;
    int found = find(talks, key, &talk);
    if (found != YES) return found == FAILED ? NULL : Py_NewRef(Py_None);
    PyObject *conversation = Py_NewRef(talk->conversation == NULL ? Py_None : talk->conversation);
    talks_remove(talks, talk);
    return conversation;
}

static PyObject *method_put(Talks *talks, PyObject *args) {
    long long key;
    PyObject *conversation;
    if (!PyArg_ParseTuple(args, "LO:put", &key, &conversation)) return NULL;
    return talks_put(talks, key, conversation) == FAILED ? NULL : Py_NewRef(Py_None);
}

static PyObject *method_rest(Talks *talks, PyObject *args) {
    long long key;
    const char *ends, *host;
    Py_ssize_t ends_size, host_size;
    PyObject *interface;
    unsigned long seq;
    if (!PyArg_ParseTuple(args, "Ly#Oky#:rest", &key, &ends, &ends_size, &interface, &seq, &host, &host_size))
        return NULL;
    if (ends_size < 4 || ends_size > ENDS_MAX) return PyErr_Format(PyExc_ValueError, "no ends of a direction");
    Span both = {(const uint8_t *)ends, (size_t)ends_size}, named = {(const uint8_t *)host, (size_t)host_size};
    return talks_rest(talks, key, both, interface, (uint32_t)seq, named) == FAILED ? NULL : Py_NewRef(Py_None);
}

static PyObject *method_take_counts(Talks *talks, PyObject *Py_UNUSED(none)) {
    PyObject *counts = Py_BuildValue("LL", talks->names, talks->connections);
    if (counts != NULL) talks->names = talks->connections = 0;
    return counts;
}

static PyObject *get_keys(PyObject *talks, void *Py_UNUSED(closure)) { return Py_NewRef(talks); }

static PyObject *talks_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    static char *known[] = {"name",  "limit",   "evictions", "restored", "dropped", "passes",
                            "hosts", "clients", "servers",   "watched",  NULL};
    Greetings greetings = {.of_anyone = true};
    PyObject *name, *evictions, *restored, *dropped, *passes;
    Py_ssize_t limit;
    if (!PyArg_ParseTupleAndKeywords(args, names, "$UnOOOOOOOO", known, &name, &limit, &evictions, &restored, &dropped,
                                     &passes, &greetings.hosts, &greetings.clients, &greetings.servers,
                                     &greetings.watched))
        return NULL;
    if (limit < 0 || limit >= NO_LINK || !greetings_fit(&greetings)) {
        PyErr_SetString(PyExc_TypeError, "a limit, and truths of this module");
        return NULL;
    }
    Talks *talks = (Talks *)type->tp_alloc(type, 0);
    if (talks == NULL) return NULL;
    greetings_hold(&greetings);
    talks->greetings = greetings;
    talks->name = Py_NewRef(name), talks->evictions = Py_NewRef(evictions);
    talks->restored = Py_NewRef(restored), talks->dropped = Py_NewRef(dropped), talks->passes = Py_NewRef(passes);
    talks->limit = (uint32_t)limit;
    if (lru_open(&talks->all, sizeof(Talk)) == FAILED) Py_CLEAR(talks);
    return (PyObject *)talks;
}

static int talks_traverse(Talks *talks, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(talks));
    Py_VISIT(talks->evictions);
    Py_VISIT(talks->restored);
    Py_VISIT(talks->dropped);
    Py_VISIT(talks->passes);
    for (Talk *talk = lru_oldest(&talks->all); talk != NULL; talk = lru_younger(&talks->all, &talk->link))
        Py_VISIT(talk->conversation);
    return greetings_visit(&talks->greetings, visit, arg);
}

static int talks_clear(Talks *talks) {
    Py_CLEAR(talks->evictions);
    Py_CLEAR(talks->restored);
    Py_CLEAR(talks->dropped);
    Py_CLEAR(talks->passes);
    greetings_clear(&talks->greetings);
    return 0;
}

static void talks_dealloc(Talks *talks) {
    PyTypeObject *type = Py_TYPE(talks);
    PyObject_GC_UnTrack(talks);
    while (talks->all.count > 0) talks_remove(talks, lru_oldest(&talks->all));
    lru_close(&talks->all);
    talks_clear(talks);
    Py_CLEAR(talks->name);
    type->tp_free(talks);
    Py_DECREF(type);
}

bool is_talks(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)talks_dealloc; }

static Py_ssize_t talks_length(Talks *talks) { return (Py_ssize_t)talks->all.count; }

static int talks_contains(Talks *talks, PyObject *key) {
    Talk *talk;
    return find(talks, key, &talk);
}

#define METHOD(name, call, kind) {name, (PyCFunction)call, kind, "As in ``egret.track.conversations``."}

static PyMethodDef methods[] = {
    METHOD("get", method_get, METH_O),
    METHOD("resting", method_resting, METH_O),
    METHOD("touch", method_touch, METH_O),
    METHOD("pop", method_pop, METH_O),
    METHOD("put", method_put, METH_VARARGS),
    METHOD("rest", method_rest, METH_VARARGS),
    {"take_counts", (PyCFunction)method_take_counts, METH_NOARGS, "Names and connections counted since the last time."},
    {0},
};

static PyGetSetDef properties[] = {{"keys", get_keys, NULL, "What is there now and later.", NULL}, {0}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.conversations.ConversationTable``."},
    {Py_tp_new, talks_new},
    {Py_tp_dealloc, talks_dealloc},
    {Py_tp_traverse, talks_traverse},
    {Py_tp_clear, talks_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_sq_length, talks_length},
    {Py_sq_contains, talks_contains},
    {0},
};

PyType_Spec talks_spec = {"egret.worker._gate.Talks", sizeof(Talks), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
