// How every operation reports: shared by the C files, unseen by Go.
#ifndef GOPYRPC_CPYTHON_STATUS_H
#define GOPYRPC_CPYTHON_STATUS_H

#include "bridge.h"

#define NEED_GIL(...) \
	if (!cpy_self_held()) return (__VA_ARGS__)
#define NOT_HELD_REF ((cpy_ref){NULL, CPY_NOT_HELD})
#define NOT_HELD_INT ((cpy_int){NULL, 0, CPY_NOT_HELD})
#define NOT_HELD_NUM ((cpy_num){NULL, 0, 0, CPY_NOT_HELD})
#define NOT_HELD_SPAN ((cpy_span){NULL, NULL, 0, CPY_NOT_HELD})

int cpy_set_drains(int drains);    // for as long as code runs that does, or does not; returns what to set after it
int cpy_self_held(void);             // does this thread hold the GIL through cpy_attach?
PyObject *cpy_take_exception(void);  // owned; clears the error indicator
int cpy_between(void);               // what a detach does for the next call, where there is none between two
int64_t cpy_now(void);               // monotonic, ns
PyObject *cpy_payload_new(const unsigned char *data, Py_ssize_t len); // exports Go's memory
int cpy_payload_end(PyObject *o);    // no new exports; 0 when old ones are still there
extern volatile int cpy_forked;      // this process is a child that fork made, and did not exec
void cpy_end_child(void);            // ends it
void cpy_signals_leave(void);        // Go's handlers go; for such a child
void cpy_handle_failed_writes(void); // SIGPIPE and SIGXFSZ end nothing, where they had the default action
void cpy_with_bound_stack(void (*f)(void)); // has the size of the first thread's stack found finite
int cpy_callback_enter(void);        // 1 a thread of Python's, 0 one of ours, -1 too late
void cpy_callback_leave(int entered);
void cpy_tell_dropped(uintptr_t id); // tells Go that Python has dropped what it has that number for

// A new reference, or NULL with the exception set.
static inline cpy_ref give_ref(PyObject *o) {
	if (cpy_forked) cpy_end_child();
	if (o) return (cpy_ref){o, CPY_OK};
	return (cpy_ref){cpy_take_exception(), CPY_RAISED};
}

static inline cpy_ref give_borrowed(PyObject *o) {
	cpy.Py_IncRef(o);
	return give_ref(o);
}

// A number, or -1 with the exception set.
static inline cpy_int give_int(int64_t n) {
	if (cpy_forked) cpy_end_child();
	if (n >= 0) return (cpy_int){NULL, n, CPY_OK};
	return (cpy_int){cpy_take_exception(), 0, CPY_RAISED};
}

// By the object's type, whatever its __class__ says: the answer decides what its memory is read as.
static inline int is_a(PyObject *o, PyObject *type) {
	PyObject *own = cpy.PyObject_Type(o);
	int yes = cpy.PyType_IsSubtype((PyTypeObject *)own, (PyTypeObject *)type);
	cpy.Py_DecRef(own);
	return yes;
}

static inline cpy_span raised_span(void) { return (cpy_span){cpy_take_exception(), NULL, 0, CPY_RAISED}; }
static inline cpy_num raised_num(void) { return (cpy_num){cpy_take_exception(), 0, 0, CPY_RAISED}; }

#endif
