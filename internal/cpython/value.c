// Numbers, text and bytes, one function for each direction.
#include "status.h"

cpy_ref cpy_from_int(int64_t v) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyLong_FromLongLong(v));
}

cpy_ref cpy_from_uint(uint64_t v) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyLong_FromUnsignedLongLong(v));
}

// Base 16, because sys.set_int_max_str_digits limits only bases that are no power of two.
cpy_ref cpy_from_hex(const char *digits) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyLong_FromString(digits, NULL, 16));
}

cpy_ref cpy_from_float(double v) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyFloat_FromDouble(v));
}

cpy_ref cpy_from_complex(double re, double im) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyComplex_FromDoubles(re, im));
}

// A lone surrogate is three bytes that strict UTF-8 refuses; in Go's strings they are kept.
cpy_ref cpy_from_str(const char *s, Py_ssize_t len) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyUnicode_DecodeUTF8(s, len, "surrogatepass"));
}

cpy_ref cpy_from_bytes(const void *s, Py_ssize_t len) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyBytes_FromStringAndSize(s, len));
}

cpy_ref cpy_from_bytearray(const void *s, Py_ssize_t len) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyByteArray_FromStringAndSize(s, len));
}

cpy_int cpy_as_int(PyObject *o, int *overflow) {
	NEED_GIL(NOT_HELD_INT);
	int64_t v = cpy.PyLong_AsLongLongAndOverflow(o, overflow);
	if (v == -1 && !*overflow && cpy.PyErr_Occurred()) return give_int(-1);
	return (cpy_int){NULL, v, CPY_OK};
}

static cpy_span encode(PyObject *text) {
	PyObject *bytes = cpy.PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
	cpy_span out = {bytes, NULL, 0, CPY_OK};
	if (!bytes || cpy.PyBytes_AsStringAndSize(bytes, &out.data, &out.len) < 0) {
		cpy.Py_DecRef(bytes);
		return raised_span();
	}
	return out;
}

cpy_span cpy_as_hex(PyObject *o) {
	NEED_GIL(NOT_HELD_SPAN);
	PyObject *digits = cpy.PyNumber_ToBase(o, 16);
	if (!digits) return raised_span();
	cpy_span out = encode(digits);
	cpy.Py_DecRef(digits);
	return out;
}

cpy_num cpy_as_float(PyObject *o) {
	NEED_GIL(NOT_HELD_NUM);
	double v = cpy.PyFloat_AsDouble(o);
	if (v == -1 && cpy.PyErr_Occurred()) return raised_num();
	return (cpy_num){NULL, v, 0, CPY_OK};
}

cpy_num cpy_as_complex(PyObject *o) {
	NEED_GIL(NOT_HELD_NUM);
	double re = cpy.PyComplex_RealAsDouble(o);
	double im = re == -1 && cpy.PyErr_Occurred() ? 0 : cpy.PyComplex_ImagAsDouble(o);
	if (cpy.PyErr_Occurred()) return raised_num();
	return (cpy_num){NULL, re, im, CPY_OK};
}

// Encoded afresh, because PyUnicode_AsUTF8 keeps a second copy of the text for the object's life.
cpy_span cpy_as_utf8(PyObject *o) {
	NEED_GIL(NOT_HELD_SPAN);
	return encode(o);
}

// Works for bytes and bytearray. The owner is a new reference to the object itself.
cpy_span cpy_as_bytes(PyObject *o) {
	NEED_GIL(NOT_HELD_SPAN);
	cpy_span out = {o, NULL, 0, CPY_OK};
	if (is_a(o, cpy.PyByteArray_Type)) {
		out.data = cpy.PyByteArray_AsString(o);
		out.len = cpy.PyByteArray_Size(o);
	} else if (cpy.PyBytes_AsStringAndSize(o, &out.data, &out.len) < 0) {
		return raised_span();
	}
	cpy.Py_IncRef(o);
	return out;
}
