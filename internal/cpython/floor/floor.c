#include <string.h>
#include <time.h>

#include "floor.h"

static const struct cpy_api *api;
static int (*attach)(int permit);
static int (*detach)(void);

void floor_use(const struct cpy_api *table, int (*attach_)(int permit), int (*detach_)(void)) {
	api = table;
	attach = attach_;
	detach = detach_;
}

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// A call that raises ends the measurement: what it raised is dropped.
static void drop_exception(void) {
	PyObject *type, *value, *traceback;
	api->PyErr_Fetch(&type, &value, &traceback);
	api->Py_DecRef(type);
	api->Py_DecRef(value);
	api->Py_DecRef(traceback);
}

static PyObject *call_once(PyObject *fn, const void *data, Py_ssize_t len, void *dst, Py_ssize_t cap) {
	PyObject *arg = api->PyBytes_FromStringAndSize(data, len);
	PyObject *result = arg ? api->PyObject_VectorcallDict(fn, &arg, 1, NULL) : NULL;
	char *out;
	Py_ssize_t n;
	if (result && api->PyBytes_AsStringAndSize(result, &out, &n) == 0) memcpy(dst, out, (size_t)(n < cap ? n : cap));
	api->Py_DecRef(arg);
	return result;
}

// What torch's own C++ handler does for a request: deserialize(bytes, []), _run_function, serialize.
static PyObject *steps_once(PyObject *const *fns, const void *data, Py_ssize_t len, void *dst, Py_ssize_t cap) {
	PyObject *payload[2] = {api->PyBytes_FromStringAndSize(data, len), api->PyList_New(0)};
	PyObject *udf = payload[0] && payload[1] ? api->PyObject_VectorcallDict(fns[0], payload, 2, NULL) : NULL;
	PyObject *value = udf ? api->PyObject_VectorcallDict(fns[1], &udf, 1, NULL) : NULL;
	PyObject *pair = value ? api->PyObject_VectorcallDict(fns[2], &value, 1, NULL) : NULL;
	PyObject *bytes = pair ? api->PyTuple_GetItem(pair, 0) : NULL; // borrowed
	char *out;
	Py_ssize_t n;
	if (bytes && api->PyBytes_AsStringAndSize(bytes, &out, &n) == 0) memcpy(dst, out, (size_t)(n < cap ? n : cap));
	api->Py_DecRef(value);
	api->Py_DecRef(udf);
	api->Py_DecRef(payload[1]);
	api->Py_DecRef(payload[0]);
	return pair;
}

int64_t floor_steps(PyObject *deserialize, PyObject *run, PyObject *serialize, const void *data, Py_ssize_t len,
	int64_t calls) {
	PyObject *fns[3] = {deserialize, run, serialize};
	char dst[4096];
	int64_t start = now();
	for (int64_t i = 0; i < calls; i++) {
		if (attach(0) != 0) return -1;
		PyObject *result = steps_once(fns, data, len, dst, sizeof dst);
		if (!result) drop_exception();
		api->Py_DecRef(result);
		detach();
		if (!result) return -1;
	}
	return now() - start;
}

int64_t floor_calls(PyObject *fn, const void *data, Py_ssize_t len, int64_t calls) {
	char dst[4096];
	int64_t start = now();
	for (int64_t i = 0; i < calls; i++) {
		if (attach(0) != 0) return -1;
		PyObject *result = call_once(fn, data, len, dst, sizeof dst);
		if (!result) drop_exception();
		api->Py_DecRef(result);
		detach();
		if (!result) return -1;
	}
	return now() - start;
}

// One exported C-API function each, as a 1:1 binding has them.
int naive_ensure(void) { return api->PyGILState_Ensure(); }
void naive_release(int state) { api->PyGILState_Release(state); }
PyObject *naive_bytes(const void *data, Py_ssize_t len) { return api->PyBytes_FromStringAndSize(data, len); }
PyObject *naive_tuple(void) { return api->PyTuple_New(1); }
void naive_set(PyObject *tuple, PyObject *item) { api->PyTuple_SetItem(tuple, 0, item); }
PyObject *naive_call(PyObject *fn, PyObject *args) { return api->PyObject_Call(fn, args, NULL); }
void naive_decref(PyObject *o) { api->Py_DecRef(o); }

char *naive_data(PyObject *bytes, Py_ssize_t *len) {
	char *data = NULL;
	api->PyBytes_AsStringAndSize(bytes, &data, len);
	return data;
}
