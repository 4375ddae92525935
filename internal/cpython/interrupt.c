// How a call that runs is notified that it is to stop: its thread is made to look at a mark.
//
// The call inside is known, with the GIL held, by its target and not by its thread. A target that ends
// says so in its mark, which is a list of Python's, so that no later call on the thread can be meant.
#include "status.h"

enum { TRACE_CALL, TRACE_RETURN = 3, TRACE_C_RETURN = 6, TRACE_OPCODE }; // PyTrace_CALL and so on

int cpy_target_begin(cpy_target *t) {
	if (__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) return CPY_INTERRUPTED;
	t->mark = 0;
	t->woken = 0;
	t->permit = cpy_permit();
	t->ident = cpy.PyThread_get_thread_ident();
	t->state = (uintptr_t)cpy.PyThreadState_Get();
	return CPY_OK;
}

int cpy_target_end(cpy_target *t) {
	PyObject *mark = (PyObject *)t->mark;
	t->ident = 0;
	t->mark = 0;
	if (!mark) return 0;
	PyObject *raised = cpy.PyList_GetItem(mark, 1); // a float, 0 until the exception is raised
	int interrupted = t->woken || (raised && cpy.PyObject_IsTrue(raised) > 0);
	cpy.Py_IncRef(cpy._Py_NoneStruct);
	cpy.PyList_SetItem(mark, 0, cpy._Py_NoneStruct);
	cpy.Py_DecRef(mark);
	return interrupted;
}

void cpy_target_wake(cpy_target *t) {
	if (t->ident) t->woken = 1;
}

void cpy_target_stop(cpy_target *t) { __atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE); }

unsigned long cpy_target_ident(cpy_target *t) { return t->ident; }

int cpy_target_permit(cpy_target *t) { return t->ident ? t->permit : 0; }

cpy_ref cpy_target_mark(cpy_target *t, PyObject *fresh) {
	NEED_GIL(NOT_HELD_REF);
	if (!t->ident) return (cpy_ref){NULL, CPY_OK};
	if (!t->mark) {
		cpy.Py_IncRef(fresh);
		t->mark = (uintptr_t)fresh;
	}
	return give_borrowed((PyObject *)t->mark);
}

unsigned long cpy_thread_ident(void) { return cpy.PyThread_get_thread_ident(); }

// Gives look the frame, what happened, and to what.
static int tell(PyObject *look, PyFrameObject *frame, int what, PyObject *arg) {
	PyObject *number = cpy.PyLong_FromLongLong(what);
	PyObject *args[3] = {(PyObject *)frame, number, arg ? arg : cpy._Py_NoneStruct};
	PyObject *result = number ? cpy.PyObject_VectorcallDict(look, args, 3, NULL) : NULL;
	cpy.Py_DecRef(number);
	cpy.Py_DecRef(result);
	return result ? 0 : -1;
}

static int on_trace(PyObject *look, PyFrameObject *frame, int what, PyObject *arg) {
	return what == TRACE_CALL || what == TRACE_RETURN || what == TRACE_OPCODE ? tell(look, frame, what, arg) : 0;
}

static int on_profile(PyObject *look, PyFrameObject *frame, int what, PyObject *arg) {
	return what == TRACE_C_RETURN ? tell(look, frame, what, arg) : 0;
}

int cpy_target_trace(cpy_target *t, PyObject *look) {
	NEED_GIL(CPY_NOT_HELD);
	if (t->ident && cpy._PyEval_SetTrace && cpy._PyEval_SetTrace((PyThreadState *)t->state, on_trace, look) < 0)
		cpy.Py_DecRef(cpy_take_exception());
	// An audit hook, and the end of the former trace function, can have given the GIL up: the thread may be gone by now.
	if (t->ident && cpy._PyEval_SetProfile && cpy._PyEval_SetProfile((PyThreadState *)t->state, on_profile, look) < 0)
		cpy.Py_DecRef(cpy_take_exception());
	return CPY_OK;
}
