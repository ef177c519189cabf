/* What is known of bytes: whether it is so. For Python a dict of truths, as far as worker/greetings.py uses one. */
#include "native.h"

static PyObject *truths_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    Py_ssize_t limit, size;
    const char *bytes;
    Secret secret;
    if (!PyArg_ParseTuple(args, "ny#", &limit, &bytes, &size)) return NULL;
    if (limit < 1 || size != sizeof secret) {
        PyErr_SetString(PyExc_ValueError, "a limit of 1 or more, and a secret of 16 bytes");
        return NULL;
    }
    memcpy(&secret, bytes, sizeof secret);
    Truths *truths = (Truths *)type->tp_alloc(type, 0);
    if (truths != NULL && table_open(&truths->table, (size_t)limit, &secret) == FAILED) Py_CLEAR(truths);
    return (PyObject *)truths;
}

static void truths_dealloc(Truths *truths) {
    PyTypeObject *type = Py_TYPE(truths);
    table_close(&truths->table);
    type->tp_free(truths);
    Py_DECREF(type);
}

bool is_truths(PyObject *object) { return Py_TYPE(object)->tp_dealloc == (destructor)truths_dealloc; }

/* What is known of a key: -1 if nothing is, -2 if it is none. */
static int find(const Truths *truths, PyObject *key) {
    if (PyBytes_Check(key))
        return table_get(&truths->table,
                         (Span){(const uint8_t *)PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key)});
    PyErr_SetString(PyExc_TypeError, "bytes are needed");
    return -2;
}

static PyObject *method_get(Truths *truths, PyObject *key) {
    int found = find(truths, key);
    if (found == -2) return NULL;
    return found == -1 ? Py_NewRef(Py_None) : PyBool_FromLong(found);
}

static int contains(Truths *truths, PyObject *key) {
    int found = find(truths, key);
    return found == -2 ? FAILED : found >= 0;
}

static int set(Truths *truths, PyObject *key, PyObject *value) {
    if (!PyBytes_Check(key) || value == NULL) {
        PyErr_SetString(PyExc_TypeError, "truths[key: bytes] = value");
        return FAILED;
    }
    int truth = PyObject_IsTrue(value);
    Span bytes = {(const uint8_t *)PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key)};
    return truth == FAILED || table_put(&truths->table, bytes, (uint8_t)truth) == FAILED ? FAILED : 0;
}

static PyObject *method_clear(Truths *truths, PyObject *Py_UNUSED(none)) {
    table_clear(&truths->table);
    Py_RETURN_NONE;
}

static Py_ssize_t length(Truths *truths) { return (Py_ssize_t)truths->table.count; }

static PyMethodDef methods[] = {
    {"get", (PyCFunction)method_get, METH_O, "True or False, None where nothing is known."},
    {"clear", (PyCFunction)method_clear, METH_NOARGS, "Forget everything."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Truths(limit, secret): whether something is so, by bytes."},
    {Py_tp_new, truths_new},
    {Py_tp_dealloc, truths_dealloc},
    {Py_tp_methods, methods},
    {Py_mp_length, length},
    {Py_mp_ass_subscript, set},
    {Py_sq_contains, contains},
    {0},
};

PyType_Spec truths_spec = {"egret.worker._gate.Truths", sizeof(Truths), 0, Py_TPFLAGS_DEFAULT, slots};
