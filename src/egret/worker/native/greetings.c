/* Plain hellos of which nothing need be told; worker/greetings.py says which, and is the oracle. */
#include "greetings.h"

bool greetings_fit(const Greetings *greetings) {
    return is_truths((PyObject *)greetings->hosts) && is_truths((PyObject *)greetings->clients) &&
           is_truths((PyObject *)greetings->servers);
}

void greetings_hold(Greetings *greetings) {
    Py_INCREF(greetings->hosts);
    Py_INCREF(greetings->clients);
    Py_INCREF(greetings->servers);
    Py_INCREF(greetings->watched);
}

int greetings_visit(const Greetings *greetings, visitproc visit, void *arg) {
    Py_VISIT(greetings->hosts);
    Py_VISIT(greetings->clients);
    Py_VISIT(greetings->servers);
    Py_VISIT(greetings->watched);
    return 0;
}

void greetings_clear(Greetings *greetings) {
    Py_CLEAR(greetings->hosts);
    Py_CLEAR(greetings->clients);
    Py_CLEAR(greetings->servers);
    Py_CLEAR(greetings->watched);
}

int contains(PyObject *others, PyObject *(*object_of)(const void *), const void *what) {
    Py_ssize_t size = PyObject_Size(others);
    if (size <= 0) return size == 0 ? NO : FAILED;
    PyObject *object = object_of(what);
    int among = object == NULL ? FAILED : PySequence_Contains(others, object);
    Py_XDECREF(object);
    return among;
}

static PyObject *bytes_object(const void *span) { return bytes_of(*(const Span *)span); }

int contains_bytes(PyObject *others, Span bytes) { return contains(others, bytes_object, &bytes); }

/* What is known of a key; UNKNOWN if nothing is. */
static int look_up(const Truths *truths, Span key) {
    int truth = table_get(&truths->table, key);
    return truth < 0 ? UNKNOWN : truth;
}

int greetings_pass(const Greetings *greetings, Span host, Span ends, bool *ours) {
    size_t size = (ends.size - 4) / 2;
    Span client = {ends.at, size};
    uint8_t server[ENDS_MAX];
    memcpy(server, ends.at + size, size);
    memcpy(server + size, ends.at + ends.size - 2, 2);
    int plain = look_up(greetings->hosts, host);
    if (plain != YES) return plain;
    int watched = contains_bytes(greetings->watched, client);
    if (watched != NO) return watched == YES ? NO : FAILED;
    int known = look_up(greetings->clients, client);
    if (known == UNKNOWN) return UNKNOWN;
    int special = known == YES || greetings->of_anyone ? look_up(greetings->servers, (Span){server, size + 2}) : NO;
    *ours = known == YES;
    return special == NO ? YES : special == YES ? NO : UNKNOWN;
}
