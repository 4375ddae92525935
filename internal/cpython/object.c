// References and the protocols that every object has.
#include "status.h"

PyObject *cpy_take_exception(void) {
	PyObject *type = NULL, *value = NULL, *tb = NULL;
	cpy.PyErr_Fetch(&type, &value, &tb);
	if (!type) {
		// A function that fails without setting an exception is a bug in some extension module.
		cpy.PyErr_SetString(*cpy.PyExc_SystemError, "error return without exception set");
		cpy.PyErr_Fetch(&type, &value, &tb);
	}
	cpy.PyErr_NormalizeException(&type, &value, &tb);
	if (tb) cpy.PyException_SetTraceback(value, tb);
	cpy.Py_DecRef(type);
	cpy.Py_DecRef(tb);
	return value;
}

static PyObject *text(const char *s, Py_ssize_t len) { return cpy.PyUnicode_DecodeUTF8(s, len, "surrogatepass"); }

PyObject *cpy_none(void) { return cpy._Py_NoneStruct; }
PyObject *cpy_true(void) { return cpy._Py_TrueStruct; }
PyObject *cpy_false(void) { return cpy._Py_FalseStruct; }

// The type's feature bits; which of the few types without a bit it is, in bits 0 to 4.
cpy_int cpy_kind(PyObject *o) {
	NEED_GIL(NOT_HELD_INT);
	PyObject *type = cpy.PyObject_Type(o);
	unsigned long flags = cpy.PyType_GetFlags((PyTypeObject *)type);
	cpy.Py_DecRef(type);
	PyObject *exact[] = {cpy.PyFloat_Type, cpy.PyComplex_Type, cpy.PySet_Type, cpy.PyFrozenSet_Type, cpy.PyByteArray_Type};
	int64_t kind = (int64_t)(flags & ~0xffUL & 0xffffffffUL);
	const unsigned long builtin = CPY_TPFLAGS_LONG | CPY_TPFLAGS_LIST | CPY_TPFLAGS_TUPLE | CPY_TPFLAGS_BYTES
		| CPY_TPFLAGS_UNICODE | CPY_TPFLAGS_DICT;
	if (flags & builtin) return (cpy_int){NULL, kind, CPY_OK};
	for (int i = 0; i < 5; i++) kind |= is_a(o, exact[i]) << i;
	return (cpy_int){NULL, kind, CPY_OK};
}

cpy_ref cpy_incref(PyObject *o) {
	NEED_GIL(NOT_HELD_REF);
	cpy.Py_IncRef(o);
	return (cpy_ref){o, CPY_OK};
}

int cpy_decref(PyObject **refs, Py_ssize_t n) {
	NEED_GIL(CPY_NOT_HELD);
	for (Py_ssize_t i = 0; i < n; i++) cpy.Py_DecRef(refs[i]);
	return CPY_OK;
}

cpy_ref cpy_import(const char *name, Py_ssize_t len) {
	NEED_GIL(NOT_HELD_REF);
	PyObject *s = text(name, len);
	if (!s) return give_ref(NULL);
	cpy_ref r = give_ref(cpy.PyImport_Import(s));
	cpy.Py_DecRef(s);
	return r;
}

cpy_ref cpy_type(PyObject *o) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyObject_Type(o));
}

cpy_ref cpy_getattr(PyObject *o, const char *name, Py_ssize_t len) {
	NEED_GIL(NOT_HELD_REF);
	PyObject *s = text(name, len);
	if (!s) return give_ref(NULL);
	cpy_ref r = give_ref(cpy.PyObject_GetAttr(o, s));
	cpy.Py_DecRef(s);
	return r;
}

cpy_int cpy_setattr(PyObject *o, const char *name, Py_ssize_t len, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	PyObject *s = text(name, len);
	if (!s) return give_int(-1);
	cpy_int r = give_int(cpy.PyObject_SetAttr(o, s, v));
	cpy.Py_DecRef(s);
	return r;
}

cpy_ref cpy_call(PyObject *fn, PyObject *args, PyObject *kwargs) {
	NEED_GIL(NOT_HELD_REF);
	PyObject *result = cpy.PyObject_Call(fn, args, kwargs);
	return give_ref(result);
}

cpy_ref cpy_repr(PyObject *o) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyObject_Repr(o));
}

cpy_ref cpy_str(PyObject *o) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyObject_Str(o));
}

cpy_int cpy_is_true(PyObject *o) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyObject_IsTrue(o));
}

cpy_int cpy_is_instance(PyObject *o, PyObject *cls) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyObject_IsInstance(o, cls));
}

// Nothing in here needs memory. The bound is for circular contexts.
cpy_int cpy_free_traceback(PyObject *failure, PyObject *exc) {
	NEED_GIL(NOT_HELD_INT);
	PyObject *memory = *cpy.PyExc_MemoryError; // without memory CPython fails with SystemError too
	if (!is_a(failure, memory) && !is_a(exc, memory)) return (cpy_int){NULL, 0, CPY_OK};
	cpy.Py_IncRef(exc);
	for (int n = 0; exc && n < 1000; n++) {
		cpy.PyException_SetTraceback(exc, cpy._Py_NoneStruct);
		PyObject *context = cpy.PyException_GetContext(exc);
		cpy.Py_DecRef(exc);
		exc = context;
	}
	if (exc) cpy.Py_DecRef(exc);
	cpy.PyGC_Collect();
	return (cpy_int){NULL, 1, CPY_OK};
}

cpy_int cpy_callable(PyObject *o) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyCallable_Check(o));
}

cpy_int cpy_size(PyObject *o) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyObject_Size(o));
}

cpy_ref cpy_getitem(PyObject *o, PyObject *key) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyObject_GetItem(o, key));
}

cpy_int cpy_setitem(PyObject *o, PyObject *key, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyObject_SetItem(o, key, v));
}

cpy_ref cpy_iter(PyObject *o) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyObject_GetIter(o));
}

cpy_ref cpy_next(PyObject *it) {
	NEED_GIL(NOT_HELD_REF);
	PyObject *o = cpy.PyIter_Next(it);
	if (o || cpy.PyErr_Occurred()) return give_ref(o);
	return (cpy_ref){NULL, CPY_OK};
}

cpy_ref cpy_fetch(void) {
	NEED_GIL(NOT_HELD_REF);
	if (!cpy.PyErr_Occurred()) return (cpy_ref){NULL, CPY_OK};
	return (cpy_ref){cpy_take_exception(), CPY_OK};
}
