//go:build !linux

// Crashes in C code where they are not Linux's: they go to Go's handlers, which end the process, without Python's stacks.
#include "status.h"

void cpy_crash_open(uintptr_t go_text, uintptr_t go_text_end) {
	(void)go_text;
	(void)go_text_end;
}

cpy_ref cpy_crash_learn(PyObject *registrar, int reports) {
	NEED_GIL(NOT_HELD_REF);
	(void)registrar;
	(void)reports;
	cpy.Py_IncRef(cpy._Py_NoneStruct);
	return give_ref(cpy._Py_NoneStruct);
}

void cpy_crash_mend(void) {}
void cpy_crash_close(void) {}

uintptr_t cpy_crash_foreign(int sig) {
	(void)sig;
	return 0;
}
