// A Go function as a Python callable: a PyCFunction whose self is a capsule that holds its number.
#include <stdlib.h>
#include <string.h>

#include "status.h"

static const char capsule_name[] = "gopyrpc.callback";

struct cpy_callback {
	PyMethodDef def; // CPython keeps a pointer to it for the callable's life
	uintptr_t id;
	char *name, *doc;
};

void cpy_tell_dropped(uintptr_t id) {
	int entered = cpy_forked ? -1 : cpy_callback_enter();
	if (entered >= 0) gopyrpcCallbackDropped(id); // on a dying thread the number is lost, not the process
	cpy_callback_leave(entered);
}

static void on_dropped(PyObject *capsule) {
	struct cpy_callback *c = cpy.PyCapsule_GetPointer(capsule, capsule_name);
	if (!c) return;
	cpy_tell_dropped(c->id);
	free(c->name);
	free(c->doc);
	free(c);
}

static PyObject *trampoline(PyObject *self, PyObject *args, PyObject *kwargs) {
	struct cpy_callback *c = cpy.PyCapsule_GetPointer(self, capsule_name);
	if (!c) return NULL;
	if (cpy_forked) {
		cpy.PyErr_SetString(*cpy.PyExc_RuntimeError, "a Go function cannot be called in a child of fork: Go does not run there");
		return NULL;
	}
	int entered = cpy_callback_enter();
	if (entered < 0) {
		cpy.PyErr_SetString(*cpy.PyExc_RuntimeError, "a Go function cannot be called from a thread that is ending");
		return NULL;
	}
	int drains = cpy_set_drains(1);
	PyObject *result = gopyrpcCallback(c->id, args, kwargs);
	cpy_set_drains(drains);
	cpy_callback_leave(entered);
	return result;
}

cpy_ref cpy_callback_new(uintptr_t id, const char *name, const char *doc) {
	NEED_GIL(NOT_HELD_REF);
	struct cpy_callback *c = calloc(1, sizeof *c);
	c->id = id;
	c->name = strdup(name);
	c->doc = strdup(doc);
	c->def = (PyMethodDef){c->name, (PyCFunction)(void (*)(void))trampoline, METH_VARARGS | METH_KEYWORDS, c->doc};
	PyObject *capsule = cpy.PyCapsule_New(c, capsule_name, on_dropped);
	PyObject *fn = capsule ? cpy.PyCFunction_NewEx(&c->def, capsule, NULL) : NULL;
	cpy.Py_DecRef(capsule); // the callable holds it; without one this drops the callback
	return give_ref(fn);
}

int cpy_raise(PyObject *exc) {
	NEED_GIL(CPY_NOT_HELD);
	PyObject *type = cpy.PyObject_Type(exc);
	cpy.PyErr_SetObject(type, exc);
	cpy.Py_DecRef(type);
	return CPY_OK;
}
