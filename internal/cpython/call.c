// The hot path: attach, bytes in, call, bytes out, detach, in one crossing.
//
// Attach and detach stand in one C function, so the goroutine cannot move to another OS thread in
// between and needs no LockOSThread.
#include <string.h>

#include "status.h"

static PyObject *payload(const unsigned char *data, Py_ssize_t len, int as_view) {
	if (as_view) return cpy.PyMemoryView_FromMemory((char *)data, len, PyBUF_READ);
	return cpy.PyBytes_FromStringAndSize((const char *)data, len);
}

// After this no Python object can reach Go's memory; 0 when somebody still holds an export of it.
static int release_view(PyObject *view) {
	cpy_ref method = cpy_getattr(view, "release", 7);
	if (method.status == CPY_OK) {
		PyObject *done = cpy.PyObject_VectorcallDict(method.ref, NULL, 0, NULL);
		cpy.Py_DecRef(method.ref);
		if (done) {
			cpy.Py_DecRef(done);
			return 1;
		}
		method.ref = cpy_take_exception();
	}
	cpy.Py_DecRef(method.ref);
	return 0;
}

// Small results are copied out at once; a large one or one that is no bytes goes out as a reference.
static void give(PyObject *result, unsigned char *dst, Py_ssize_t cap, cpy_call_result *out) {
	char *data;
	if (cpy.PyBytes_AsStringAndSize(result, &data, &out->len) < 0) {
		cpy.Py_DecRef(cpy_take_exception());
		out->obj = (uintptr_t)result;
		return;
	}
	if (out->len > cap) {
		out->obj = (uintptr_t)result;
		out->data = (uintptr_t)data;
		return;
	}
	memcpy(dst, data, (size_t)out->len);
	out->data = (uintptr_t)dst;
	cpy.Py_DecRef(result);
}

static void call(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out) {
	PyObject *args[2] = {payload(data, len, a->as_view), (PyObject *)a->extra};
	PyObject *result = NULL;
	if (args[0]) result = cpy.PyObject_VectorcallDict((PyObject *)a->fn, args, a->extra ? 2 : 1, NULL);
	if (result) {
		give(result, dst, cap, out);
	} else {
		out->status = CPY_RAISED;
		out->obj = (uintptr_t)cpy_take_exception();
	}
	if (!args[0]) return;
	if (a->as_view && !release_view(args[0]) && out->status == CPY_OK) out->status = CPY_VIEW_HELD;
	cpy.Py_DecRef(args[0]);
}

void cpy_call_bytes(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out) {
	memset(out, 0, sizeof *out);
	if (cpy_self_held()) {
		out->status = CPY_HELD;
		return;
	}
	int64_t start = cpy_now();
	out->status = cpy_attach(a->permit);
	if (out->status != CPY_OK) return;
	int64_t held = cpy_now();
	call(a, data, len, dst, cap, out);
	cpy_detach();
	out->wait_ns = held - start;
	out->hold_ns = cpy_now() - held;
}
