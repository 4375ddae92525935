// What the bench compares with: the same work as call.c done by C alone, and done the naive way.
#include <string.h>

#include "status.h"

static PyObject *call_once(PyObject *fn, const void *data, Py_ssize_t len, void *dst, Py_ssize_t cap) {
	PyObject *arg = cpy.PyBytes_FromStringAndSize(data, len);
	PyObject *result = arg ? cpy.PyObject_VectorcallDict(fn, &arg, 1, NULL) : NULL;
	char *out;
	Py_ssize_t n;
	if (result && cpy.PyBytes_AsStringAndSize(result, &out, &n) == 0) memcpy(dst, out, (size_t)(n < cap ? n : cap));
	cpy.Py_DecRef(arg);
	return result;
}

// What torch's own C++ handler does for a request: deserialize(bytes, []), _run_function, serialize.
static PyObject *steps_once(PyObject *const *fns, const void *data, Py_ssize_t len, void *dst, Py_ssize_t cap) {
	PyObject *payload[2] = {cpy.PyBytes_FromStringAndSize(data, len), cpy.PyList_New(0)};
	PyObject *udf = payload[0] && payload[1] ? cpy.PyObject_VectorcallDict(fns[0], payload, 2, NULL) : NULL;
	PyObject *value = udf ? cpy.PyObject_VectorcallDict(fns[1], &udf, 1, NULL) : NULL;
	PyObject *pair = value ? cpy.PyObject_VectorcallDict(fns[2], &value, 1, NULL) : NULL;
	PyObject *bytes = pair ? cpy.PyTuple_GetItem(pair, 0) : NULL; // borrowed
	char *out;
	Py_ssize_t n;
	if (bytes && cpy.PyBytes_AsStringAndSize(bytes, &out, &n) == 0) memcpy(dst, out, (size_t)(n < cap ? n : cap));
	cpy.Py_DecRef(value);
	cpy.Py_DecRef(udf);
	cpy.Py_DecRef(payload[1]);
	cpy.Py_DecRef(payload[0]);
	return pair;
}

int64_t cpy_floor_steps(PyObject *deserialize, PyObject *run, PyObject *serialize, const void *data, Py_ssize_t len,
	int64_t calls) {
	PyObject *fns[3] = {deserialize, run, serialize};
	char dst[4096];
	int64_t start = cpy_now();
	for (int64_t i = 0; i < calls; i++) {
		if (cpy_attach(0) != CPY_OK) return -1;
		PyObject *result = steps_once(fns, data, len, dst, sizeof dst);
		if (!result) cpy.Py_DecRef(cpy_take_exception());
		cpy.Py_DecRef(result);
		cpy_detach();
		if (!result) return -1;
	}
	return cpy_now() - start;
}

int64_t cpy_floor(PyObject *fn, const void *data, Py_ssize_t len, int64_t calls) {
	char dst[4096];
	int64_t start = cpy_now();
	for (int64_t i = 0; i < calls; i++) {
		if (cpy_attach(0) != CPY_OK) return -1;
		PyObject *result = call_once(fn, data, len, dst, sizeof dst);
		if (!result) cpy.Py_DecRef(cpy_take_exception());
		cpy.Py_DecRef(result);
		cpy_detach();
		if (!result) return -1;
	}
	return cpy_now() - start;
}

// One exported C-API function each, as a 1:1 binding has them.
int cpy_naive_ensure(void) { return cpy.PyGILState_Ensure(); }
void cpy_naive_release(int state) { cpy.PyGILState_Release(state); }
PyObject *cpy_naive_bytes(const void *data, Py_ssize_t len) { return cpy.PyBytes_FromStringAndSize(data, len); }
PyObject *cpy_naive_tuple(void) { return cpy.PyTuple_New(1); }
void cpy_naive_set(PyObject *tuple, PyObject *item) { cpy.PyTuple_SetItem(tuple, 0, item); }
PyObject *cpy_naive_call(PyObject *fn, PyObject *args) { return cpy.PyObject_Call(fn, args, NULL); }
void cpy_naive_decref(PyObject *o) { cpy.Py_DecRef(o); }

char *cpy_naive_data(PyObject *bytes, Py_ssize_t *len) {
	char *data = NULL;
	cpy.PyBytes_AsStringAndSize(bytes, &data, len);
	return data;
}
