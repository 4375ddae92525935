// How a call that runs is told to stop: PyThreadState_SetAsyncExc, aimed so that it cannot hit another.
//
// An asynchronous exception is sent to a thread, and waits there until bytecode runs. So who is inside
// is known, with the GIL held, by its target and not by its thread, and a target that ends takes back
// what was not raised in it.
#include "status.h"

int cpy_target_begin(cpy_target *t) {
	if (__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) return CPY_INTERRUPTED;
	t->interrupted = 0;
	t->permit = cpy_permit();
	t->ident = cpy.PyThread_get_thread_ident();
	t->state = (uintptr_t)cpy.PyThreadState_Get();
	return CPY_OK;
}

int cpy_target_end(cpy_target *t) {
	if (t->interrupted) cpy.PyThreadState_SetAsyncExc(t->ident, NULL);
	t->ident = 0;
	t->state = 0;
	return t->interrupted;
}

void cpy_target_stop(cpy_target *t) { __atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE); }

unsigned long cpy_target_ident(cpy_target *t) { return t->ident; }

int cpy_target_permit(cpy_target *t) { return t->ident ? t->permit : 0; }

cpy_ref cpy_target_code(cpy_target *t) {
	NEED_GIL(NOT_HELD_REF);
	PyFrameObject *f = t->ident ? cpy.PyThreadState_GetFrame((PyThreadState *)t->state) : NULL;
	cpy_ref code = {.ref = f ? (PyObject *)cpy.PyFrame_GetCode(f) : NULL};
	if (f) cpy.Py_DecRef((PyObject *)f);
	return code;
}

unsigned long cpy_thread_ident(void) { return cpy.PyThread_get_thread_ident(); }

cpy_int cpy_interrupt(cpy_target *t, PyObject *exception) {
	NEED_GIL(NOT_HELD_INT);
	if (!t->ident) return give_int(0);
	t->interrupted = 1;
	return give_int(cpy.PyThreadState_SetAsyncExc(t->ident, exception));
}

cpy_ref cpy_new_exception(const char *name, const char *doc, PyObject *base) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyErr_NewExceptionWithDoc(name, doc, base, NULL));
}
