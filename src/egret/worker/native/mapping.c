/* A part of a file as memory, so that what nobody looks at is never copied: of a segment of bulk only its header.
 *
 * A file may be cut short, or its disk fail, while it is mapped. The kernel then sends SIGBUS where read() would have
 * said so. The handler puts zeros where the file was, and remembers it; whoever reads asks ``broken`` before believing
 * in zeros. */
#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <structmember.h> /* behind Python.h */
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_MAPPED = 64 };

/* A mapping as the handler sees it: no lock, no allocation. A size of 0 is a free place. */
static struct {
    uint8_t *volatile start;
    volatile size_t size;
    volatile sig_atomic_t broken;
} mapped[MAX_MAPPED];

static struct sigaction before;
static size_t page_size;

static void on_bus_error(int number, siginfo_t *info, void *context) {
    uint8_t *at = info->si_addr;
    for (int place = 0; place < MAX_MAPPED; place++) {
        uint8_t *start = mapped[place].start;
        size_t size = mapped[place].size;
        if (size == 0 || at < start || at >= start + size) continue;
        uint8_t *page = start + (size_t)(at - start) / page_size * page_size;
        int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        if (mmap(page, size - (size_t)(page - start), PROT_READ, how, -1, 0) == MAP_FAILED) break;
        mapped[place].broken = 1;
        return;
    }
    (void)number, (void)context;
    sigaction(SIGBUS, &before, NULL); /* not ours: it comes again, to whoever was here before */
}

static int watch(void) {
    struct sigaction ours = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (page_size != 0) return YES;
    sigemptyset(&ours.sa_mask);
    if (sigaction(SIGBUS, &ours, &before) < 0) return FAILED;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    return YES;
}

typedef struct {
    PyObject_HEAD
    int place; /* in *mapped*; -1 where nothing is mapped */
} Mapping;

static PyObject *mapping_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(names)) {
    int descriptor, place = 0;
    long long offset;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "iLn", &descriptor, &offset, &size)) return NULL;
    if (size < 1 || offset < 0) {
        PyErr_SetString(PyExc_ValueError, "a part of a file, from an offset on, of at least a byte");
        return NULL;
    }
    while (place < MAX_MAPPED && mapped[place].size != 0) place++;
    if (place == MAX_MAPPED || watch() == FAILED) {
        PyErr_SetString(PyExc_OSError, "too many mappings");
        return NULL;
    }
    Mapping *mapping = (Mapping *)type->tp_alloc(type, 0);
    if (mapping == NULL) return NULL;
    mapping->place = -1;
    /* Not MAP_POPULATE: it asks for each page of 4 KB, even of those that are mapped as one of 2 MB. */
    void *start = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, (off_t)offset);
    if (start == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(mapping);
        return NULL;
    }
    mapped[place].broken = 0;
    mapped[place].start = start;
    mapped[place].size = (size_t)size;
    mapping->place = place;
    return (PyObject *)mapping;
}

static void mapping_dealloc(Mapping *mapping) {
    PyTypeObject *type = Py_TYPE(mapping);
    if (mapping->place >= 0) {
        size_t size = mapped[mapping->place].size;
        munmap(mapped[mapping->place].start, size);
        mapped[mapping->place].size = 0;
    }
    type->tp_free(mapping);
    Py_DECREF(type);
}

static int mapping_buffer(Mapping *mapping, Py_buffer *view, int flags) {
    uint8_t *start = mapped[mapping->place].start;
    return PyBuffer_FillInfo(view, (PyObject *)mapping, start, (Py_ssize_t)mapped[mapping->place].size, 1, flags);
}

static PyObject *mapping_broken(Mapping *mapping, void *Py_UNUSED(closure)) {
    return PyBool_FromLong(mapped[mapping->place].broken);
}

static PyGetSetDef properties[] = {
    {"broken", (getter)mapping_broken, NULL, "Whether some of it could not be read, and is zeros.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Mapping(descriptor, offset, size): a part of a file, read only; the offset is a whole page's."},
    {Py_tp_new, mapping_new},
    {Py_tp_dealloc, mapping_dealloc},
    {Py_tp_getset, properties},
    {Py_bf_getbuffer, mapping_buffer},
    {0},
};

PyType_Spec mapping_spec = {"egret.worker._gate.Mapping", sizeof(Mapping), 0, Py_TPFLAGS_DEFAULT, slots};
