// Memory of Go's that Python reads in place: a large payload, for the time of one call, or what is Python's
// until it has dropped it.
//
// The exporter counts its exports, because releasing a memoryview does not end the slices that were
// made of it: only the count says whether some object can still reach the memory.
#include <string.h>

#include "status.h"

struct cpy_payload {
	const unsigned char *data;
	Py_ssize_t len;
	long exports;
	int over; // the call has ended: no new exports
	uintptr_t id; // of what Go wants to be told when this is dropped; 0 for nothing
};

static PyObject *payload_type;
static Py_ssize_t head; // of a PyObject, which debug builds make longer

static struct cpy_payload *payload_of(PyObject *o) { return (struct cpy_payload *)((char *)o + head); }

static int get_buffer(PyObject *self, Py_buffer *view, int flags) {
	struct cpy_payload *p = payload_of(self);
	if (p->over) {
		cpy.PyErr_SetString(*cpy.PyExc_BufferError, "the payload is gone: its call has ended");
		return -1;
	}
	if (cpy.PyBuffer_FillInfo(view, self, (void *)p->data, p->len, 1, flags) < 0) return -1;
	p->exports++;
	return 0;
}

static void release_buffer(PyObject *self, Py_buffer *view) {
	(void)view;
	payload_of(self)->exports--;
}

static void dealloc(PyObject *self) {
	uintptr_t id = payload_of(self)->id;
	cpy.PyObject_Free(self);
	cpy.Py_DecRef(payload_type); // an instance holds its type
	if (id) cpy_tell_dropped(id);
}

static int make_type(void) {
	if (payload_type) return 0;
	cpy_ref size = cpy_getattr(cpy.PyBaseObject_Type, "__basicsize__", 13);
	if (size.status != CPY_OK) {
		cpy.Py_DecRef(size.ref);
		return -1;
	}
	int overflow = 0;
	head = (Py_ssize_t)cpy.PyLong_AsLongLongAndOverflow(size.ref, &overflow);
	cpy.Py_DecRef(size.ref);
	PyType_Slot slots[] = {
		{Py_bf_getbuffer, (void *)get_buffer},
		{Py_bf_releasebuffer, (void *)release_buffer},
		{Py_tp_dealloc, (void *)dealloc},
		{0, NULL},
	};
	PyType_Spec spec = {"_gopyrpc_bridge.Memory", (int)(head + (Py_ssize_t)sizeof(struct cpy_payload)), 0,
		CPY_TPFLAGS_DEFAULT, slots};
	payload_type = cpy.PyType_FromSpec(&spec);
	return payload_type ? 0 : -1;
}

static PyObject *new_payload(const unsigned char *data, Py_ssize_t len, uintptr_t id) {
	if (make_type() < 0) return NULL;
	PyObject *o = cpy.PyType_GenericAlloc((PyTypeObject *)payload_type, 0);
	if (o) *payload_of(o) = (struct cpy_payload){data, len, 0, 0, id};
	return o;
}

PyObject *cpy_payload_new(const unsigned char *data, Py_ssize_t len) { return new_payload(data, len, 0); }

cpy_ref cpy_memory_new(const void *data, Py_ssize_t len, uintptr_t id) {
	NEED_GIL(NOT_HELD_REF);
	PyObject *exporter = new_payload(data, len, id);
	PyObject *view = exporter ? cpy.PyMemoryView_FromObject(exporter) : NULL;
	if (exporter && !view) payload_of(exporter)->id = 0; // the caller is told now
	cpy.Py_DecRef(exporter);                              // the view holds it
	return give_ref(view);
}

int cpy_payload_end(PyObject *o) {
	struct cpy_payload *p = payload_of(o);
	p->over = 1;
	return p->exports == 0;
}
