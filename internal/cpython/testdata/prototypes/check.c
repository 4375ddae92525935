// Compiled, never run: compares what api.h declares with the Python.h of one CPython.
#include <Python.h>
#include <stddef.h>

// What Python deprecates it still exports, as it was.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

// Macros cannot stand beside each other: Python's values first. 3.15 has new numbers for some slots, and takes the
// old ones, which belong to the stable ABI, from all who say them.
#ifdef _Py_SLOT_COMPAT_VALUE
#undef _Py_SLOT_COMPAT_VALUE
#define _Py_SLOT_COMPAT_VALUE(old, new) old
#endif
#define NUMBERS(X) X(Py_bf_getbuffer) X(Py_bf_releasebuffer) X(Py_tp_dealloc) X(METH_VARARGS) X(METH_KEYWORDS)
#define PYTHONS(name) pythons_##name = (name),
enum { NUMBERS(PYTHONS) };
#undef Py_bf_getbuffer
#undef Py_bf_releasebuffer
#undef Py_tp_dealloc
#undef METH_VARARGS
#undef METH_KEYWORDS

// Then api.h's own layouts, under other names, as if there were no Python.h.
#undef Py_PYTHON_H
#undef _PyThreadState_UncheckedGet // in 3.13 another name for the function that took its place
#define PyStatus ours_PyStatus
#define PyMethodDef ours_PyMethodDef
#define Py_buffer ours_Py_buffer
#define PyType_Slot ours_PyType_Slot
#define PyType_Spec ours_PyType_Spec
#define PyConfig ours_PyConfig
#define PyPreConfig ours_PyPreConfig
#define PyInitConfig ours_PyInitConfig
#define PyGILState_STATE ours_PyGILState_STATE
#define PyGILState_LOCKED ours_PyGILState_LOCKED
#define PyGILState_UNLOCKED ours_PyGILState_UNLOCKED
#include "api.h"
#undef PyStatus
#undef PyMethodDef
#undef Py_buffer
#undef PyType_Slot
#undef PyType_Spec
#undef PyConfig
#undef PyPreConfig
#undef PyInitConfig
#undef PyGILState_STATE
#undef PyGILState_LOCKED
#undef PyGILState_UNLOCKED

#define NUMBER(name) _Static_assert(pythons_##name == (name), #name);
NUMBERS(NUMBER)

#define SIZE(type) _Static_assert(sizeof(type) == sizeof(ours_##type), "size of " #type);
#define PLACE(type, field) \
	_Static_assert(offsetof(type, field) == offsetof(ours_##type, field), "place of " #type "." #field); \
	_Static_assert(sizeof(((type *)0)->field) == sizeof(((ours_##type *)0)->field), "size of " #type "." #field);
#define FIELD(type, field) \
	PLACE(type, field) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(((type *)0)->field), __typeof__(((ours_##type *)0)->field)), \
		"type of " #type "." #field);

SIZE(PyStatus)
PLACE(PyStatus, _type) // an enum of Python's
FIELD(PyStatus, func)
FIELD(PyStatus, err_msg)
FIELD(PyStatus, exitcode)

SIZE(PyType_Slot)
FIELD(PyType_Slot, slot)
FIELD(PyType_Slot, pfunc)

SIZE(PyType_Spec)
FIELD(PyType_Spec, name)
FIELD(PyType_Spec, basicsize)
FIELD(PyType_Spec, itemsize)
FIELD(PyType_Spec, flags)
PLACE(PyType_Spec, slots)

SIZE(PyMethodDef)
FIELD(PyMethodDef, ml_name)
FIELD(PyMethodDef, ml_meth)
FIELD(PyMethodDef, ml_flags)
FIELD(PyMethodDef, ml_doc)

SIZE(Py_buffer)
FIELD(Py_buffer, buf)
FIELD(Py_buffer, obj)
FIELD(Py_buffer, len)
FIELD(Py_buffer, itemsize)
FIELD(Py_buffer, readonly)
FIELD(Py_buffer, ndim)
FIELD(Py_buffer, format)
FIELD(Py_buffer, shape)
FIELD(Py_buffer, strides)
FIELD(Py_buffer, suboffsets)
FIELD(Py_buffer, internal)

SIZE(PyGILState_STATE)
_Static_assert((int)ours_PyGILState_LOCKED == (int)PyGILState_LOCKED, "PyGILState_LOCKED");
_Static_assert((int)ours_PyGILState_UNLOCKED == (int)PyGILState_UNLOCKED, "PyGILState_UNLOCKED");

#define FLAG(name) _Static_assert(CPY_TPFLAGS_##name == Py_TPFLAGS_##name##_SUBCLASS, #name);
FLAG(LONG) FLAG(LIST) FLAG(TUPLE) FLAG(BYTES) FLAG(UNICODE) FLAG(DICT) FLAG(BASE_EXC) FLAG(TYPE)
_Static_assert(PyBUF_FULL_RO == 0x011c, "buffer.c: FULL_RO");

// At last every row, in Python's own types. The parentheses keep function-like macros away.
#define FUNCTION(ret, name, args) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(*&(name)), ret args), "declaration of " #name);
CPY_REQUIRED(FUNCTION)
#if PY_VERSION_HEX >= 0x030e0000
CPY_OPTIONAL(FUNCTION)
#endif

#if PY_VERSION_HEX < 0x030c0000
CPY_BEFORE_MONITORING(FUNCTION)
#endif

#define OBJECT(name) void *object_##name = (void *)&name;
CPY_OBJECTS(OBJECT)
#define EXCEPTION(name) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(name), PyObject *), "declaration of " #name);
CPY_EXCEPTIONS(EXCEPTION)
