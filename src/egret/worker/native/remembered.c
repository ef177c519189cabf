/* Integers remembered for integer keys, in two generations; track/tables.py says how. The keys are hashes that nobody
 * outside can foresee, so they say themselves where they lie. */
#include "remembered.h"

#include <structmember.h> /* behind Python.h */

enum { FIRST_SLOTS = 64 };

/* What is kept of a value: 0 where there was never an entry, GONE where one was taken out. */
enum { GONE = 1, BIAS = 16 };
#define LEAST (-8)
#define MOST ((int64_t)1 << 60)

typedef struct {
    int64_t key, kept;
} Place;

typedef struct {
    Place *places;
    size_t slots, used, count; /* slots: a power of two, a third of which was never used */
} Generation;

struct Remembered {
    PyObject_HEAD
    PyObject *name, *evictions, *on_forgetting;
    size_t limit;
    Generation young, old;
};

/* The place of *key*, or the free one where it would be. */
static Place *find(const Generation *in, int64_t key) {
    for (size_t slot = (size_t)key;; slot++) {
        Place *place = &in->places[slot & (in->slots - 1)];
        if (place->kept == 0 || place->key == key) return place;
    }
}

/* The entry of *key*; NULL if there is none. */
static Place *entry(const Generation *in, int64_t key) {
    Place *place = in->count == 0 ? NULL : find(in, key);
    return place == NULL || place->kept == 0 || place->kept == GONE ? NULL : place;
}

void remembered_prefetch(const Remembered *self, int64_t key) {
    __builtin_prefetch(&self->young.places[(size_t)key & (self->young.slots - 1)], 1);
    if (self->old.count > 0) __builtin_prefetch(&self->old.places[(size_t)key & (self->old.slots - 1)], 1);
}

static int open_generation(Generation *in, size_t slots) {
    *in = (Generation){table_memory(slots, sizeof(Place)), slots, 0, 0};
    return in->places == NULL ? FAILED : YES;
}

/* As many slots as its entries need, and none for those that were taken out. */
static int rebuild(Generation *in) {
    Generation fresh;
    size_t slots = FIRST_SLOTS;
    while (slots < (in->count + 1) * 2) slots *= 2; /* twice as many at a time */
    if (open_generation(&fresh, slots) == FAILED) return FAILED;
    for (size_t slot = 0; slot < in->slots; slot++) {
        const Place *place = &in->places[slot];
        if (place->kept == 0 || place->kept == GONE) continue;
        *find(&fresh, place->key) = *place;
        fresh.used++, fresh.count++;
    }
    table_release(in->places);
    *in = fresh;
    return YES;
}

static int put_in(Generation *in, int64_t key, int64_t value) {
    if ((in->used + 1) * 3 > in->slots * 2 && rebuild(in) == FAILED) return FAILED;
    Place *place = find(in, key);
    in->used += place->kept == 0;
    in->count += place->kept == 0 || place->kept == GONE;
    *place = (Place){key, value + BIAS};
    return YES;
}

static bool take_out(Generation *in, int64_t key) {
    Place *place = entry(in, key);
    if (place == NULL) return false;
    place->kept = GONE;
    in->count--;
    return true;
}

static int say_forgetting(Remembered *self) {
    if (self->on_forgetting == NULL || self->on_forgetting == Py_None) return YES;
    PyObject *said = PyObject_CallNoArgs(self->on_forgetting);
    Py_XDECREF(said);
    return said == NULL ? FAILED : YES;
}

/* The young generation is full: it becomes the old one, and that is forgotten. */
static int turn(Remembered *self) {
    if (count_up(self->evictions, self->name, self->old.count) == FAILED) return FAILED;
    Generation oldest = self->old;
    self->old = self->young;
    memset(oldest.places, 0, oldest.slots * sizeof(Place));
    self->young = (Generation){oldest.places, oldest.slots, 0, 0};
    return say_forgetting(self);
}

int remembered_put(Remembered *self, int64_t key, int64_t value) {
    if (self->young.count >= self->limit && entry(&self->young, key) == NULL && turn(self) == FAILED) return FAILED;
    return put_in(&self->young, key, value);
}

int remembered_get(Remembered *self, int64_t key, int64_t *value) {
    const Place *place = entry(&self->young, key);
    if (place != NULL) {
        *value = place->kept - BIAS;
        return YES;
    }
    place = entry(&self->old, key);
    if (place == NULL) return NO;
    *value = place->kept - BIAS;
    take_out(&self->old, key);
    return remembered_put(self, key, *value); /* for another generation */
}

static int read_key(PyObject *from, int64_t *key) {
    *key = PyLong_AsLongLong(from);
    return *key == -1 && PyErr_Occurred() ? FAILED : YES;
}

static PyObject *method_get(Remembered *self, PyObject *key) {
    int64_t number, value;
    int found = read_key(key, &number) == FAILED ? FAILED : remembered_get(self, number, &value);
    if (found == YES) return PyLong_FromLongLong(value);
    return found == FAILED ? NULL : Py_NewRef(Py_None);
}

static PyObject *method_put(Remembered *self, PyObject *const *args, Py_ssize_t count) {
    int64_t key, value;
    if (count != 2) return PyErr_Format(PyExc_TypeError, "put(key, value)");
    if (read_key(args[0], &key) == FAILED || read_key(args[1], &value) == FAILED) return NULL;
    if (value < LEAST || value > MOST) return PyErr_Format(PyExc_ValueError, "no value that can be remembered");
    if (remembered_put(self, key, value) == FAILED) return NULL;
    Py_RETURN_NONE;
}

static PyObject *method_forget(Remembered *self, PyObject *key) {
    int64_t number;
    if (read_key(key, &number) == FAILED) return NULL;
    bool young = take_out(&self->young, number), old = take_out(&self->old, number);
    if ((young || old) && say_forgetting(self) == FAILED) return NULL;
    Py_RETURN_NONE;
}

static PyObject *remembered_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    PyObject *name, *evictions;
    Py_ssize_t limit;
    if (!PyArg_ParseTuple(args, "UnO", &name, &limit, &evictions)) return NULL;
    Remembered *self = (Remembered *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->name = Py_NewRef(name);
    self->evictions = Py_NewRef(evictions);
    self->on_forgetting = Py_NewRef(Py_None);
    self->limit = limit < 0 ? 0 : (size_t)limit;
    if (open_generation(&self->young, FIRST_SLOTS) == FAILED || open_generation(&self->old, FIRST_SLOTS) == FAILED)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int remembered_traverse(Remembered *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->evictions);
    Py_VISIT(self->on_forgetting);
    return 0;
}

static int remembered_clear(Remembered *self) {
    Py_CLEAR(self->evictions);
    Py_CLEAR(self->on_forgetting);
    return 0;
}

static void remembered_dealloc(Remembered *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    remembered_clear(self);
    Py_CLEAR(self->name);
    table_release(self->young.places);
    table_release(self->old.places);
    type->tp_free(self);
    Py_DECREF(type);
}

bool is_remembered(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)remembered_dealloc; }

static Py_ssize_t remembered_length(Remembered *self) { return (Py_ssize_t)(self->young.count + self->old.count); }

static PyMethodDef methods[] = {
    {"get", (PyCFunction)method_get, METH_O, "As ``egret.track.tables.Remembered.get``."},
    {"put", (PyCFunction)(void (*)(void))method_put, METH_FASTCALL, "As ``egret.track.tables.Remembered.put``."},
    {"forget", (PyCFunction)method_forget, METH_O, "As ``egret.track.tables.Remembered.forget``."},
    {0},
};

static PyMemberDef members[] = {
    {"on_forgetting", T_OBJECT, offsetof(Remembered, on_forgetting), 0, "Called before anything is forgotten."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "As ``egret.track.tables.Remembered``."},
    {Py_tp_new, remembered_new},
    {Py_tp_dealloc, remembered_dealloc},
    {Py_tp_traverse, remembered_traverse},
    {Py_tp_clear, remembered_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, remembered_length},
    {0},
};

PyType_Spec remembered_spec = {
    "egret.worker._gate.Remembered", sizeof(Remembered), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots,
};
