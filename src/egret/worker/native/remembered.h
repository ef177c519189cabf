/* remembered.c: integers for integer keys. */
#ifndef EGRET_REMEMBERED_H
#define EGRET_REMEMBERED_H

#include "native.h"

typedef struct Remembered Remembered;
extern PyType_Spec remembered_spec;

bool is_remembered(PyObject *object);

/* Both may call Python. */
int remembered_get(Remembered *self, int64_t key, int64_t *value); /* NO: nothing is remembered */
int remembered_put(Remembered *self, int64_t key, int64_t value);

/* It will be asked about *key* soon, and where that lies was not looked at for long. */
void remembered_prefetch(const Remembered *self, int64_t key);

#endif
