// The part of CPython's C-API that gopyrpc uses, declared without Python.h.
//
// libpython is found and loaded at run time, so no header of any one version may be compiled in.
// Each X-macro row is one exported function: return type, name, parameters. The rows make the table
// of pointers below, the dlsym loop in load.c, and (with Python.h included first) the compile-time
// test that compares every row with what each installed CPython declares.
#ifndef GOPYRPC_CPYTHON_API_H
#define GOPYRPC_CPYTHON_API_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wchar.h>

#ifndef Py_PYTHON_H
typedef ssize_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _ts PyThreadState;
typedef struct _frame PyFrameObject;
typedef struct _typeobject PyTypeObject;
typedef struct PyConfig PyConfig;       // layout differs per minor version: see pyconfig_table.h
typedef struct PyPreConfig PyPreConfig; // likewise
typedef struct PyInitConfig PyInitConfig;
typedef enum { PyGILState_LOCKED, PyGILState_UNLOCKED } PyGILState_STATE;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef void (*PyCapsule_Destructor)(PyObject *);
typedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *);

// Layouts that are the same in 3.9 to 3.15 (checked against every installed Python.h).
typedef struct {
	int _type; // 0 ok, 1 error, 2 exit
	const char *func;
	const char *err_msg;
	int exitcode;
} PyStatus;

struct PyMethodDef {
	const char *ml_name;
	PyCFunction ml_meth;
	int ml_flags;
	const char *ml_doc;
};
typedef struct PyMethodDef PyMethodDef;

typedef struct {
	void *buf;
	PyObject *obj;
	Py_ssize_t len;
	Py_ssize_t itemsize;
	int readonly;
	int ndim;
	char *format;
	Py_ssize_t *shape;
	Py_ssize_t *strides;
	Py_ssize_t *suboffsets;
	void *internal;
} Py_buffer;

typedef struct {
	int slot;
	void *pfunc;
} PyType_Slot;

typedef struct {
	const char *name;
	int basicsize;
	int itemsize;
	unsigned int flags;
	PyType_Slot *slots;
} PyType_Spec;

#define Py_bf_getbuffer 1
#define Py_bf_releasebuffer 2
#define Py_tp_dealloc 52
#define METH_VARARGS 0x0001
#define METH_KEYWORDS 0x0002
#endif

// Bits of PyType_GetFlags, part of the stable ABI.
#define CPY_TPFLAGS_DEFAULT (1UL << 18)
#define CPY_TPFLAGS_LONG (1UL << 24)
#define CPY_TPFLAGS_LIST (1UL << 25)
#define CPY_TPFLAGS_TUPLE (1UL << 26)
#define CPY_TPFLAGS_BYTES (1UL << 27)
#define CPY_TPFLAGS_UNICODE (1UL << 28)
#define CPY_TPFLAGS_DICT (1UL << 29)
#define CPY_TPFLAGS_BASE_EXC (1UL << 30)
#define CPY_TPFLAGS_TYPE (1UL << 31)

// Exported by all of CPython 3.9 to 3.15; a missing one is an error that names it.
#define CPY_REQUIRED(X) \
	X(const char *, Py_GetVersion, (void)) \
	X(int, Py_IsInitialized, (void)) \
	X(int, Py_FinalizeEx, (void)) \
	X(void, PyPreConfig_InitIsolatedConfig, (PyPreConfig *)) \
	X(PyStatus, Py_PreInitialize, (const PyPreConfig *)) \
	X(void, PyConfig_InitIsolatedConfig, (PyConfig *)) \
	X(PyStatus, PyConfig_SetBytesString, (PyConfig *, wchar_t **, const char *)) \
	X(PyStatus, PyConfig_SetBytesArgv, (PyConfig *, Py_ssize_t, char *const *)) \
	X(void, PyConfig_Clear, (PyConfig *)) \
	X(PyStatus, Py_InitializeFromConfig, (const PyConfig *)) \
	X(PyGILState_STATE, PyGILState_Ensure, (void)) \
	X(void, PyGILState_Release, (PyGILState_STATE)) \
	X(PyThreadState *, PyGILState_GetThisThreadState, (void)) \
	X(int, PyGILState_Check, (void)) \
	X(PyThreadState *, PyEval_SaveThread, (void)) \
	X(void, PyEval_RestoreThread, (PyThreadState *)) \
	X(PyThreadState *, PyThreadState_Get, (void)) \
	X(void, PyThreadState_Clear, (PyThreadState *)) \
	X(void, PyThreadState_DeleteCurrent, (void)) \
	X(void, Py_IncRef, (PyObject *)) \
	X(void, Py_DecRef, (PyObject *)) \
	X(unsigned long, PyThread_get_thread_ident, (void)) \
	X(PyObject *, PyErr_Occurred, (void)) \
	X(int, PyErr_CheckSignals, (void)) \
	X(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **)) \
	X(void, PyErr_NormalizeException, (PyObject **, PyObject **, PyObject **)) \
	X(void, PyErr_SetObject, (PyObject *, PyObject *)) \
	X(void, PyErr_SetString, (PyObject *, const char *)) \
	X(int, PyException_SetTraceback, (PyObject *, PyObject *)) \
	X(PyObject *, PyException_GetContext, (PyObject *)) \
	X(Py_ssize_t, PyGC_Collect, (void)) \
	X(PyObject *, PyObject_Type, (PyObject *)) \
	X(unsigned long, PyType_GetFlags, (PyTypeObject *)) \
	X(PyObject *, PyObject_GetAttr, (PyObject *, PyObject *)) \
	X(int, PyObject_SetAttr, (PyObject *, PyObject *, PyObject *)) \
	X(PyObject *, PyObject_Call, (PyObject *, PyObject *, PyObject *)) \
	X(PyObject *, PyObject_VectorcallDict, (PyObject *, PyObject *const *, size_t, PyObject *)) \
	X(PyObject *, PyObject_Repr, (PyObject *)) \
	X(PyObject *, PyObject_Str, (PyObject *)) \
	X(int, PyObject_IsTrue, (PyObject *)) \
	X(int, PyObject_RichCompareBool, (PyObject *, PyObject *, int)) \
	X(int, PyObject_IsInstance, (PyObject *, PyObject *)) \
	X(PyObject *, PyObject_GetItem, (PyObject *, PyObject *)) \
	X(int, PyObject_SetItem, (PyObject *, PyObject *, PyObject *)) \
	X(Py_ssize_t, PyObject_Size, (PyObject *)) \
	X(int, PyCallable_Check, (PyObject *)) \
	X(PyObject *, PyObject_GetIter, (PyObject *)) \
	X(PyObject *, PyIter_Next, (PyObject *)) \
	X(PyObject *, PyBool_FromLong, (long)) \
	X(PyObject *, PyLong_FromLongLong, (long long)) \
	X(PyObject *, PyLong_FromUnsignedLongLong, (unsigned long long)) \
	X(PyObject *, PyLong_FromString, (const char *, char **, int)) \
	X(long long, PyLong_AsLongLongAndOverflow, (PyObject *, int *)) \
	X(PyObject *, PyNumber_ToBase, (PyObject *, int)) \
	X(PyObject *, PyFloat_FromDouble, (double)) \
	X(double, PyFloat_AsDouble, (PyObject *)) \
	X(PyObject *, PyComplex_FromDoubles, (double, double)) \
	X(double, PyComplex_RealAsDouble, (PyObject *)) \
	X(double, PyComplex_ImagAsDouble, (PyObject *)) \
	X(PyObject *, PyUnicode_DecodeUTF8, (const char *, Py_ssize_t, const char *)) \
	X(PyObject *, PyUnicode_AsEncodedString, (PyObject *, const char *, const char *)) \
	X(PyObject *, PyBytes_FromStringAndSize, (const char *, Py_ssize_t)) \
	X(int, PyBytes_AsStringAndSize, (PyObject *, char **, Py_ssize_t *)) \
	X(PyObject *, PyByteArray_FromStringAndSize, (const char *, Py_ssize_t)) \
	X(char *, PyByteArray_AsString, (PyObject *)) \
	X(Py_ssize_t, PyByteArray_Size, (PyObject *)) \
	X(PyObject *, PyList_New, (Py_ssize_t)) \
	X(int, PyList_SetItem, (PyObject *, Py_ssize_t, PyObject *)) \
	X(PyObject *, PyList_GetItem, (PyObject *, Py_ssize_t)) \
	X(PyObject *, PyTuple_New, (Py_ssize_t)) \
	X(int, PyTuple_SetItem, (PyObject *, Py_ssize_t, PyObject *)) \
	X(PyObject *, PyTuple_GetItem, (PyObject *, Py_ssize_t)) \
	X(PyObject *, PyDict_New, (void)) \
	X(int, PyDict_SetItem, (PyObject *, PyObject *, PyObject *)) \
	X(int, PyDict_Next, (PyObject *, Py_ssize_t *, PyObject **, PyObject **)) \
	X(PyObject *, PySet_New, (PyObject *)) \
	X(PyObject *, PyFrozenSet_New, (PyObject *)) \
	X(int, PySet_Add, (PyObject *, PyObject *)) \
	X(PyObject *, PyImport_Import, (PyObject *)) \
	X(int, PyObject_GetBuffer, (PyObject *, Py_buffer *, int)) \
	X(void, PyBuffer_Release, (Py_buffer *)) \
	X(int, PyBuffer_IsContiguous, (const Py_buffer *, char)) \
	X(int, PyBuffer_FillInfo, (Py_buffer *, PyObject *, void *, Py_ssize_t, int, int)) \
	X(PyObject *, PyMemoryView_FromObject, (PyObject *)) \
	X(PyObject *, PyType_FromSpec, (PyType_Spec *)) \
	X(PyObject *, PyType_GenericAlloc, (PyTypeObject *, Py_ssize_t)) \
	X(void, PyObject_Free, (void *)) \
	X(int, PyType_IsSubtype, (PyTypeObject *, PyTypeObject *)) \
	X(PyObject *, PyCFunction_NewEx, (PyMethodDef *, PyObject *, PyObject *)) \
	X(PyObject *, PyCapsule_New, (void *, const char *, PyCapsule_Destructor)) \
	X(void *, PyCapsule_GetPointer, (PyObject *, const char *))

// Exported from some version on; a NULL pointer means that this CPython lacks it.
#define CPY_OPTIONAL(X) \
	X(PyThreadState *, _PyThreadState_UncheckedGet, (void)) /* to 3.12 */ \
	X(PyThreadState *, PyThreadState_GetUnchecked, (void)) /* from 3.13 on */ \
	X(PyInitConfig *, PyInitConfig_Create, (void)) \
	X(void, PyInitConfig_Free, (PyInitConfig *)) \
	X(int, PyInitConfig_SetInt, (PyInitConfig *, const char *, int64_t)) \
	X(int, PyInitConfig_SetStr, (PyInitConfig *, const char *, const char *)) \
	X(int, PyInitConfig_SetStrList, (PyInitConfig *, const char *, size_t, char *const *)) \
	X(int, PyInitConfig_GetError, (PyInitConfig *, const char **)) \
	X(int, Py_InitializeFromInitConfig, (PyInitConfig *))

// For versions without sys.monitoring, 3.9 to 3.11, which do not change any more. Later ones may have them, too.
#define CPY_BEFORE_MONITORING(X) \
	X(int, _PyEval_SetTrace, (PyThreadState *, Py_tracefunc, PyObject *)) \
	X(int, _PyEval_SetProfile, (PyThreadState *, Py_tracefunc, PyObject *))

// Exported variables: objects, and pointers to exception classes.
#define CPY_OBJECTS(X) \
	X(_Py_NoneStruct) X(_Py_TrueStruct) X(_Py_FalseStruct) \
	X(PyBaseObject_Type) X(PyFloat_Type) X(PyComplex_Type) X(PySet_Type) X(PyFrozenSet_Type) X(PyByteArray_Type)
#define CPY_EXCEPTIONS(X) \
	X(PyExc_BaseException) X(PyExc_RuntimeError) X(PyExc_SystemError) X(PyExc_BufferError) \
	X(PyExc_MemoryError)

#ifndef Py_PYTHON_H
#define CPY_FIELD(ret, name, args) ret(*name) args;
#define CPY_OBJECT_FIELD(name) PyObject *name;
#define CPY_EXCEPTION_FIELD(name) PyObject **name;
struct cpy_api {
	CPY_REQUIRED(CPY_FIELD)
	CPY_OPTIONAL(CPY_FIELD)
	CPY_BEFORE_MONITORING(CPY_FIELD)
	CPY_OBJECTS(CPY_OBJECT_FIELD)
	CPY_EXCEPTIONS(CPY_EXCEPTION_FIELD)
};
#undef CPY_FIELD
#undef CPY_OBJECT_FIELD
#undef CPY_EXCEPTION_FIELD

extern struct cpy_api cpy; // filled once by cpy_load, read-only afterwards
#endif

#endif
