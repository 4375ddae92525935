// The same work as internal/cpython's call.c, done by C alone and done the naive way: what benchmarks compare with.
#ifndef GOPYRPC_CPYTHON_FLOOR_H
#define GOPYRPC_CPYTHON_FLOOR_H

#include "api.h"

// What package cpython lends: its table of CPython's functions, and its way to the GIL and back.
void floor_use(const struct cpy_api *table, int (*attach)(int permit), int (*detach)(void));

// Both return ns, or -1 for a failure.
int64_t floor_calls(PyObject *fn, const void *data, Py_ssize_t len, int64_t calls);
int64_t floor_steps(PyObject *deserialize, PyObject *run, PyObject *serialize, const void *data, Py_ssize_t len,
	int64_t calls);

int naive_ensure(void);
void naive_release(int state);
PyObject *naive_bytes(const void *data, Py_ssize_t len);
PyObject *naive_tuple(void);
void naive_set(PyObject *tuple, PyObject *item);
PyObject *naive_call(PyObject *fn, PyObject *args);
void naive_decref(PyObject *o);
char *naive_data(PyObject *bytes, Py_ssize_t *len);

#endif
