// Lists, tuples, dicts and sets. Items cross as references; what they mean is Go's business.
#include "status.h"

cpy_ref cpy_list_new(Py_ssize_t n) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyList_New(n));
}

cpy_int cpy_list_set(PyObject *o, Py_ssize_t i, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyList_SetItem(o, i, v));
}

cpy_ref cpy_list_get(PyObject *o, Py_ssize_t i) {
	NEED_GIL(NOT_HELD_REF);
	return give_borrowed(cpy.PyList_GetItem(o, i));
}

cpy_ref cpy_tuple_new(Py_ssize_t n) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyTuple_New(n));
}

cpy_int cpy_tuple_set(PyObject *o, Py_ssize_t i, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyTuple_SetItem(o, i, v));
}

cpy_ref cpy_tuple_get(PyObject *o, Py_ssize_t i) {
	NEED_GIL(NOT_HELD_REF);
	return give_borrowed(cpy.PyTuple_GetItem(o, i));
}

cpy_ref cpy_dict_new(void) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyDict_New());
}

cpy_int cpy_dict_set(PyObject *o, PyObject *k, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyDict_SetItem(o, k, v));
}

cpy_int cpy_dict_next(PyObject *o, Py_ssize_t *pos, PyObject **k, PyObject **v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyDict_Next(o, pos, k, v));
}

cpy_ref cpy_set_new(int frozen) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(frozen ? cpy.PyFrozenSet_New(NULL) : cpy.PySet_New(NULL));
}

cpy_int cpy_set_add(PyObject *o, PyObject *v) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PySet_Add(o, v));
}
