/* What Python sees of dns_table.c: track/dns_table.py, DirectionTable. */
#include "dns_table.h"

#include <structmember.h> /* behind Python.h */

/* The side of a key; FAILED: it is none. */
static int find(const DnsTable *table, PyObject *key, Side **side) {
    int64_t number = PyLong_AsLongLong(key);
    if (number == -1 && PyErr_Occurred()) return FAILED;
    *side = lru_find(&table->all, number);
    return *side != NULL;
}

/* Its Direction, which it is from now on; borrowed. */
static PyObject *restore(DnsTable *table, Side *side) {
    if (side->direction != NULL) return side->direction;
    int64_t key = side->link.key;
    PyObject *made = PyObject_CallFunction(table->restored, "y#OkkLy#", side->ends, (Py_ssize_t)side->ends_size,
                                           side->interface, (unsigned long)side->anchor, (unsigned long)side->position,
                                           (long long)side->last_ns, side->length, (Py_ssize_t)side->waiting);
    side = made == NULL ? NULL : lru_find(&table->all, key);
    if (side == NULL || side->direction != NULL) {
        Py_XDECREF(made);
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "another direction is there now");
        return NULL;
    }
    side->direction = made;
    side->waiting = 0;
    Py_CLEAR(side->interface);
    return made;
}

static PyObject *method_get(DnsTable *table, PyObject *key) {
    Side *side;
    int found = find(table, key, &side);
    if (found != YES) return found == FAILED ? NULL : Py_NewRef(Py_None);
    return Py_XNewRef(restore(table, side));
}

static PyObject *method_touch(DnsTable *table, PyObject *key) {
    Side *side;
    int found = find(table, key, &side);
    if (found == NO) PyErr_SetObject(PyExc_KeyError, key);
    if (found != YES) return NULL;
    lru_touch(&table->all, &side->link);
    Py_RETURN_NONE;
}

static PyObject *method_pop(DnsTable *table, PyObject *key) {
    Side *side;
    int found = find(table, key, &side);
    if (found == FAILED) return NULL;
    if (found == YES) dns_table_remove(table, side);
    Py_RETURN_NONE;
}

static PyObject *method_evict(DnsTable *table, PyObject *Py_UNUSED(none)) {
    Side *oldest = lru_oldest(&table->all);
    if (oldest == NULL) Py_RETURN_NONE;
    PyObject *direction = Py_XNewRef(restore(table, oldest));
    if (direction == NULL || count_up(table->evictions, table->name, 1) == FAILED) {
        Py_XDECREF(direction);
        return NULL;
    }
    oldest = lru_oldest(&table->all);
    if (oldest != NULL) dns_table_remove(table, oldest);
    return direction;
}

static PyObject *method_put(DnsTable *table, PyObject *args) {
    long long key;
    PyObject *direction, *evicted = NULL;
    if (!PyArg_ParseTuple(args, "LO:put", &key, &direction)) return NULL;
    Side *old = lru_find(&table->all, key);
    if (old != NULL) dns_table_remove(table, old);
    else if (table->all.count >= table->limit && (evicted = method_evict(table, NULL)) == NULL) return NULL;
    Side *side = lru_add(&table->all, key);
    if (side == NULL) {
        Py_XDECREF(evicted);
        return NULL;
    }
    side->direction = Py_NewRef(direction);
    return evicted == NULL ? Py_NewRef(Py_None) : evicted;
}

/* A time of Python's; what no clock says stands for the latest or the earliest. */
static int time_of(PyObject *number, int64_t *time_ns) {
    int beyond = 0;
    *time_ns = number == NULL ? -1 : PyLong_AsLongLongAndOverflow(number, &beyond);
    if (beyond != 0) *time_ns = beyond > 0 ? INT64_MAX : INT64_MIN;
    return *time_ns == -1 && PyErr_Occurred() ? FAILED : YES;
}

/* Of one that is there keep no more than this; it keeps its age. */
static PyObject *method_rest(DnsTable *table, PyObject *args) {
    long long key;
    const char *ends;
    Py_ssize_t size;
    PyObject *interface, *last;
    int64_t last_ns;
    unsigned long anchor, position;
    if (!PyArg_ParseTuple(args, "Ly#OkkO:rest", &key, &ends, &size, &interface, &anchor, &position, &last)) return NULL;
    if (time_of(last, &last_ns) == FAILED) return NULL;
    if (size < 4 || size > ENDS_MAX) return PyErr_Format(PyExc_ValueError, "no ends of a direction");
    Side *side = lru_find(&table->all, key);
    if (side == NULL || side->direction == NULL || last_ns == INT64_MAX || last_ns == INT64_MIN) Py_RETURN_NONE;
    PyObject *direction = side->direction;
    side->direction = NULL;
    side->interface = Py_NewRef(interface);
    side->anchor = (uint32_t)anchor, side->position = (uint32_t)position, side->last_ns = last_ns;
    side->ends_size = (uint8_t)size, side->waiting = 0;
    memcpy(side->ends, ends, (size_t)size);
    Py_DECREF(direction);
    Py_RETURN_NONE;
}

static int last_of(const Side *side, int64_t *last_ns) {
    *last_ns = side->last_ns;
    if (side->direction == NULL) return YES;
    PyObject *last = PyObject_GetAttrString(side->direction, "last_ns");
    int known = time_of(last, last_ns);
    Py_XDECREF(last);
    return known;
}

static bool has_been(int64_t time_ns, int64_t last_ns, long long span_ns) {
    int64_t passed;
    if (__builtin_sub_overflow(time_ns, last_ns, &passed)) return time_ns > last_ns;
    return passed >= span_ns;
}

static int add_pair(DnsTable *table, PyObject *list, Side *side) {
    long long key = side->link.key;
    PyObject *direction = Py_XNewRef(restore(table, side));
    PyObject *pair = direction == NULL ? NULL : Py_BuildValue("LN", key, direction);
    int added = pair == NULL ? FAILED : PyList_Append(list, pair);
    Py_XDECREF(pair);
    return added;
}

static PyObject *method_due(DnsTable *table, PyObject *args) {
    PyObject *now;
    long long wait_ns;
    Py_ssize_t silent_ns;
    int64_t time_ns, last_ns;
    if (!PyArg_ParseTuple(args, "OLn:due", &now, &wait_ns, &silent_ns) || time_of(now, &time_ns) == FAILED) return NULL;
    PyObject *due = PyList_New(0);
    for (Side *side = lru_oldest(&table->all); due != NULL && side != NULL;) {
        Side *younger = lru_younger(&table->all, &side->link);
        int known = last_of(side, &last_ns);
        if (known == YES && !has_been(time_ns, last_ns, wait_ns)) break;
        if (known == FAILED) Py_CLEAR(due);
        else if (side->direction != NULL || side->waiting > 0) {
            if (add_pair(table, due, side) == FAILED) Py_CLEAR(due);
        } else if (has_been(time_ns, last_ns, silent_ns)) dns_table_remove(table, side);
        side = younger;
    }
    return due;
}

static PyObject *method_set_back(DnsTable *table, PyObject *now) {
    int64_t time_ns, last_ns;
    if (time_of(now, &time_ns) == FAILED) return NULL;
    for (Side *side = lru_oldest(&table->all); side != NULL; side = lru_younger(&table->all, &side->link)) {
        if (last_of(side, &last_ns) == FAILED) return NULL;
        if (last_ns <= time_ns) continue;
        if (side->direction == NULL) side->last_ns = time_ns;
        else if (PyObject_SetAttrString(side->direction, "last_ns", now) < 0) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_all(DnsTable *table, PyObject *Py_UNUSED(none)) {
    PyObject *all = PyList_New(0);
    for (Side *side = lru_oldest(&table->all); all != NULL && side != NULL; side = lru_younger(&table->all, &side->link)) {
        if (side->direction == NULL && side->waiting == 0) continue;
        PyObject *direction = restore(table, side);
        if (direction == NULL || PyList_Append(all, direction) < 0) Py_CLEAR(all);
    }
    return all;
}

static PyObject *dns_table_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    static char *known[] = {"name", "limit", "most_held", "evictions", "restored", NULL};
    PyObject *name, *evictions, *restored;
    Py_ssize_t limit;
    long long most_held;
    if (!PyArg_ParseTupleAndKeywords(args, names, "$UnLOO", known, &name, &limit, &most_held, &evictions, &restored))
        return NULL;
    if (limit < 0 || limit >= NO_LINK) return PyErr_Format(PyExc_ValueError, "a limit is needed");
    DnsTable *table = (DnsTable *)type->tp_alloc(type, 0);
    if (table == NULL) return NULL;
    table->name = Py_NewRef(name), table->evictions = Py_NewRef(evictions), table->restored = Py_NewRef(restored);
    table->limit = (uint32_t)limit, table->most_held = most_held;
    if (lru_open(&table->all, sizeof(Side)) == FAILED) Py_CLEAR(table);
    return (PyObject *)table;
}

static int dns_table_traverse(DnsTable *table, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(table));
    Py_VISIT(table->evictions);
    Py_VISIT(table->restored);
    for (Side *side = lru_oldest(&table->all); side != NULL; side = lru_younger(&table->all, &side->link))
        Py_VISIT(side->direction);
    return 0;
}

static int dns_table_clear(DnsTable *table) {
    Py_CLEAR(table->evictions);
    Py_CLEAR(table->restored);
    return 0;
}

static void dns_table_dealloc(DnsTable *table) {
    PyTypeObject *type = Py_TYPE(table);
    PyObject_GC_UnTrack(table);
    while (table->all.count > 0) dns_table_remove(table, lru_oldest(&table->all));
    lru_close(&table->all);
    dns_table_clear(table);
    Py_CLEAR(table->name);
    type->tp_free(table);
    Py_DECREF(type);
}

bool is_dns_table(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)dns_table_dealloc; }

static Py_ssize_t dns_table_length(DnsTable *table) { return (Py_ssize_t)table->all.count; }

#define METHOD(name, kind) {#name, (PyCFunction)method_##name, kind, "As in ``egret.track.dns_table``."}

static PyMethodDef methods[] = {
    METHOD(get, METH_O),
    METHOD(put, METH_VARARGS),
    METHOD(touch, METH_O),
    METHOD(pop, METH_O),
    METHOD(evict, METH_NOARGS),
    METHOD(due, METH_VARARGS),
    METHOD(set_back, METH_O),
    METHOD(all, METH_NOARGS),
    {"rest", (PyCFunction)method_rest, METH_VARARGS, "As ``egret.track.dns_streams.Rest``."},
    {0},
};

static PyMemberDef members[] = {
    {"held", T_LONGLONG, offsetof(DnsTable, held), 0, "Bytes that no message has taken yet."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.dns_table.DirectionTable``."},
    {Py_tp_new, dns_table_new},
    {Py_tp_dealloc, dns_table_dealloc},
    {Py_tp_traverse, dns_table_traverse},
    {Py_tp_clear, dns_table_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, dns_table_length},
    {0},
};

PyType_Spec dns_table_spec = {"egret.worker._gate.DnsTable", sizeof(DnsTable), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                              slots};
