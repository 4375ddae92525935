// Functions whose Python is read when they are first called: most programs never call them, and to
// compile anything costs a tenth of what Python takes to start.
#include "status.h"

enum { EQUAL = 2 }; // Py_EQ

// self is (eval, its arguments), which gives the function, and may have a third item: then the call is for
// those whose first argument equals it, and None for all others.
static PyObject *late(PyObject *self, PyObject *args, PyObject *kwargs) {
	if (cpy.PyObject_Size(self) > 2) {
		int equal = cpy.PyObject_Size(args) < 1 ? 0
			: cpy.PyObject_RichCompareBool(cpy.PyTuple_GetItem(args, 0), cpy.PyTuple_GetItem(self, 2), EQUAL);
		if (equal < 0) return NULL;
		if (!equal) {
			cpy.Py_IncRef(cpy._Py_NoneStruct);
			return cpy._Py_NoneStruct;
		}
	}
	PyObject *fn = cpy.PyObject_Call(cpy.PyTuple_GetItem(self, 0), cpy.PyTuple_GetItem(self, 1), NULL);
	PyObject *result = fn ? cpy.PyObject_Call(fn, args, kwargs) : NULL;
	cpy.Py_DecRef(fn);
	return result;
}

#define LATE(name) {name, (PyCFunction)(void (*)(void))late, METH_VARARGS | METH_KEYWORDS, NULL}
static PyMethodDef functions[] = {
	[CPY_FORK] = LATE("fork"),
	[CPY_FORKPTY] = LATE("forkpty"),
	[CPY_FIND_SPEC] = LATE("find_spec"),
	[CPY_SETRECURSIONLIMIT] = LATE("setrecursionlimit"),
};

cpy_ref cpy_late(PyObject *self, int which) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyCFunction_NewEx(&functions[which], self, NULL));
}
