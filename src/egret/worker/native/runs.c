/* Look-ups of what a signature names, heard in runs: worker/pipeline.py, ``Pipeline.hear_in_runs``.
 *
 * What a look-up tells changes nothing for other look-ups, but where an answer has the bytes of an address counted from then
 * on. So they need not be read one by one between others that are only counted: to go back to Python for each costs as much
 * as to read it. A run is told before any other packet is looked at, and before the observer looks about. */
#include "quick.h"

enum { TCP = 6, UDP = 17, DNS = 53 };
enum { LONGEST_RUN = 256 }; /* so that what is found waits for no more than these */

bool runs_go_on(uint8_t protocol, Span packet) {
    if (protocol != UDP) return protocol != TCP;
    return packet.size >= 4 && (big16(packet.at) == DNS || big16(packet.at + 2) == DNS);
}

/* Whether the bytes of all addresses that an answer gives are counted already: then it changes nothing for what follows. */
static int are_armed(Lookups *lookups, PyObject *addresses) {
    int armed = YES;
    for (Py_ssize_t at = 0; armed == YES && at < PyTuple_GET_SIZE(addresses); at++) {
        PyObject *address = PyTuple_GET_ITEM(addresses, at);
        Span bytes = {(const uint8_t *)PyBytes_AS_STRING(address), (size_t)PyBytes_GET_SIZE(address)};
        armed = quick_is_armed(lookups->quick, bytes);
    }
    return armed;
}

int runs_tell(Lookups *lookups) {
    if (lookups->run == NULL || PyList_GET_SIZE(lookups->run) == 0) return YES;
    PyObject *run = lookups->run, *next = PyList_New(0);
    if (next == NULL) return FAILED;
    lookups->run = next;
    PyObject *said = PyObject_CallOneArg(lookups->on_run, run);
    quick_python_called(lookups->quick);
    Py_DECREF(run);
    Py_XDECREF(said);
    return said == NULL ? FAILED : YES;
}

/* Put a message that is no copy to others like it, which the observer reads at once: what lies between them in a capture
 * does not depend on them, nor they on it. UNKNOWN: it is not so plain, or there are many. */
int runs_hear(Lookups *lookups, Span wire, Span ends, bool answer, int64_t time_ns) {
    PyObject *told = NULL;
    if (lookups->run != NULL && lookups->in_runs < LONGEST_RUN) {
        told = lookup_read(wire, lookups->read_question);
        if (told == NULL) return FAILED;
    }
    if (told == NULL || told == Py_None) {
        Py_XDECREF(told);
        lookups->in_runs = 0;
        return UNKNOWN;
    }
    size_t size = (ends.size - 4) / 2;
    int armed = answer ? are_armed(lookups, PyTuple_GET_ITEM(told, 2)) : YES;
    PyObject *heard = Py_BuildValue("(Ly#y#N)", (long long)time_ns, wire.at, (Py_ssize_t)wire.size, ends.at,
                                    (Py_ssize_t)ends.size, told);
    int added = heard == NULL ? FAILED : PyList_Append(lookups->run, heard);
    Py_XDECREF(heard);
    if (added == FAILED || armed == FAILED) return FAILED;
    lookups->in_runs++;
    if (answer && waiting_add(lookups->waiting, (Span){ends.at + size, size}, time_ns, wire) == FAILED) return FAILED;
    *(answer ? &lookups->answers : &lookups->queries) += 1;
    return armed == NO ? runs_tell(lookups) : YES;
}

int runs_begin(Lookups *lookups) {
    if (lookups->on_run == NULL) return YES;
    Py_XSETREF(lookups->run, PyList_New(0));
    return lookups->run == NULL ? FAILED : YES;
}

int runs_end(Lookups *lookups, int taken) {
    int told = taken == FAILED ? FAILED : runs_tell(lookups);
    Py_CLEAR(lookups->run);
    return told == FAILED ? FAILED : taken;
}
