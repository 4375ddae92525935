// The hot path: attach, bytes in, call, bytes out, detach, in one crossing.
//
// Attach and detach stand in one C function, so the goroutine cannot move to another OS thread in
// between and needs no LockOSThread.
#include <string.h>

#include "status.h"

// The argument of a call: a bytes object, or a memoryview of the payload in place.
struct argument {
	PyObject *object;
	PyObject *exporter; // NULL for bytes
};

static struct argument make_argument(const unsigned char *data, Py_ssize_t len, int as_view) {
	if (!as_view) return (struct argument){cpy.PyBytes_FromStringAndSize((const char *)data, len), NULL};
	PyObject *exporter = cpy_payload_new(data, len);
	return (struct argument){exporter ? cpy.PyMemoryView_FromObject(exporter) : NULL, exporter};
}

// Ends Python's access to the payload; 0 when some object can still reach it.
static int drop_argument(struct argument a) {
	int unreachable = 1;
	if (a.exporter) {
		cpy_ref release = cpy_getattr(a.object, "release", 7);
		PyObject *done = release.status == CPY_OK ? cpy.PyObject_VectorcallDict(release.ref, NULL, 0, NULL) : NULL;
		if (release.status == CPY_OK && !done) cpy.Py_DecRef(cpy_take_exception());
		cpy.Py_DecRef(done);
		cpy.Py_DecRef(release.ref);
		unreachable = cpy_payload_end(a.exporter);
	}
	cpy.Py_DecRef(a.object);
	cpy.Py_DecRef(a.exporter);
	return unreachable;
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
	Py_ssize_t cap, cpy_call_result *out, cpy_target *target) {
	struct argument argument = make_argument(data, len, a->as_view);
	PyObject *args[2] = {argument.object, (PyObject *)a->extra};
	PyObject *result = NULL;
	if (args[0]) result = cpy.PyObject_VectorcallDict((PyObject *)a->fn, args, a->extra ? 2 : 1, NULL);
	if (target) out->interrupted = cpy_target_end(target); // before a destructor runs
	if (result) {
		give(result, dst, cap, out);
	} else {
		out->status = CPY_RAISED;
		out->obj = (uintptr_t)cpy_take_exception();
	}
	if (argument.object) out->payload_held = !drop_argument(argument);
}

// The caller of a call that can be interrupted may be gone, and with it its hold on what is called.
static void call_target(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out, cpy_target *target) {
	out->status = cpy_target_begin(target);
	if (out->status != CPY_OK) return;
	cpy.Py_IncRef((PyObject *)a->fn);
	cpy.Py_IncRef((PyObject *)a->extra);
	call(a, data, len, dst, cap, out, target);
	cpy.Py_DecRef((PyObject *)a->extra);
	cpy.Py_DecRef((PyObject *)a->fn);
}

static void call_either(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out, cpy_target *target) {
	if (target)
		call_target(a, data, len, dst, cap, out, target);
	else
		call(a, data, len, dst, cap, out, NULL);
}

// One call in CPY_TIMED.
static int is_timed(void) {
	static __thread unsigned calls;
	return calls++ % CPY_TIMED == 0;
}

void cpy_call_bytes(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out, cpy_target *target) {
	memset(out, 0, sizeof *out);
	if (cpy_self_held()) {
		out->status = CPY_HELD;
		return;
	}
	out->timed = is_timed();
	int64_t start = out->timed ? cpy_now() : 0;
	out->status = cpy_attach(a->permit);
	if (out->status != CPY_OK) return;
	int64_t held = out->timed ? cpy_now() : 0;
	call_either(a, data, len, dst, cap, out, target);
	cpy_detach();
	if (!out->timed) return;
	out->wait_ns = held - start;
	out->hold_ns = cpy_now() - held;
}

static int take_claim(uint32_t *claims, uint32_t i, int32_t *current) {
	uint32_t waiting = 0;
	if (!__atomic_compare_exchange_n(&claims[i], &waiting, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return 0;
	__atomic_store_n(current, (int32_t)i, __ATOMIC_RELEASE);
	return 1;
}

int cpy_call_batch(int permit, cpy_batch_call *calls, uint32_t n, uint32_t *claims, int32_t *current,
	const unsigned char *data, unsigned char *dst, Py_ssize_t cap) {
	if (cpy_self_held()) return CPY_HELD;
	int64_t start = cpy_now();
	int status = cpy_attach(permit);
	if (status != CPY_OK) return status;
	int64_t wait = cpy_now() - start;
	for (uint32_t i = 0; i < n; i++) {
		if (!take_claim(claims, i, current)) continue;
		cpy_batch_call *c = &calls[i];
		memset(&c->out, 0, sizeof c->out);
		c->out.timed = is_timed();
		int64_t began = c->out.timed ? cpy_now() : 0;
		call_either(&c->args, data + c->offset, c->len, dst, cap < CPY_SMALL ? cap : CPY_SMALL, &c->out, (cpy_target *)c->target);
		if (c->out.data && !c->out.obj) { // in dst
			dst += c->out.len;
			cap -= c->out.len;
		}
		cpy_between();
		if (!c->out.timed) continue;
		c->out.after_ns = began - start;
		c->out.hold_ns = cpy_now() - began;
		c->out.wait_ns = i == 0 ? wait : 0;
	}
	cpy_detach();
	return CPY_OK;
}
