// Package cpy3 joins pybridge and github.com/go-python/cpy3 (package python3), which wraps most of
// CPython's C-API, one Go function for each: what pybridge does not offer is a cpy3 call away, under
// gopyrpc's GIL, lifetimes and errors.
//
//	err := gil.With(ctx, func(t gil.Token) error {
//		day, err := cpy3.Take(t, python3.PyUnicode_FromString("Monday"))
//		if err != nil {
//			return err
//		}
//		defer day.Release()
//		…
//	})
//
// # Building
//
// The package has functions under the build tag cpy3 only; without it nothing of cpy3 is compiled or
// linked. cpy3 v0.2.0 is written for CPython 3.7. It compiles unmodified on 3.9 to 3.13 with a header of
// ours forced in, and is linked with the shared library of one interpreter. A script gives the flags:
//
//	make test-cpy3
//	eval "$(scripts/cpy3env.sh [PYTHON])" && go build -tags cpy3 ./...
//
// The binary then runs with that minor version of CPython only. gopyrpc finds the linked library in the
// process and uses it instead of loading another; Start fails when it is to run an interpreter
// (GOPYRPC_PYTHON) of another version. Choosing Python at run time is the price of cpy3.
//
// # Rules
//
// Call cpy3 inside [github.com/gopyrpc/gopyrpc/gil.With] only, on its goroutine, which is locked to its OS thread
// there, and not inside gil.Detach. cpy3 checks nothing: outside it crashes the process.
//
// An object that cpy3 returns as new is the caller's to DecRef, under the GIL, or to [Take]. A borrowed
// one (PyTuple_GetItem, PyDict_GetItem, PyImport_AddModule and the like) goes through [FromCpy3] at once.
// Functions that steal (PyTuple_SetItem, PyList_SetItem) want a reference of their own: [ToCpy3] gives one.
//
// After a cpy3 call that failed, call [Err], or [Take] and [FromCpy3], which do it themselves for NULL.
// An exception left pending when the GIL is given back surfaces in whichever call comes by that OS
// thread next.
//
// gopyrpc owns the interpreter and its threads. These functions of cpy3 are not to be called:
//
//   - Py_Initialize, Py_InitializeEx, Py_Finalize, Py_FinalizeEx, Py_Main: they start or end the interpreter
//     behind gopyrpc's back, on the wrong thread. The Py_Set… functions come too late: Python was
//     configured by pybridge's options.
//   - PyEval_InitThreads, PyEval_SaveThread, PyEval_RestoreThread, PyEval_ReInitThreads, PyThreadState_Swap,
//     PyGILState_Ensure, PyGILState_Release: they change the thread state or the GIL without gil knowing.
//     gil.Detach is the way to let others run. (PyGILState_Check, PyThreadState_Get and the like are fine.)
//   - PySys_SetPath, PySys_SetArgv, PySys_SetArgvEx: they change the interpreter for everybody;
//     pybridge.WithPath and pybridge.WithArgv are there for it.
//   - PySignal_SetWakeupFd: signals are Go's. It does nothing on 3.9 to 3.12; on 3.13 it is CPython's own.
//   - PyErr_Print, PyErr_PrintEx, PyRun_SimpleString, PyRun_AnyFile: they print the exception and drop it, and on
//     SystemExit end the process.
//
// What 3.9 and 3.13 took away (PyDict_ClearFreeList and the like) does nothing; compat.h says why for each.
//
// cpy3's package variables (PyExc_ValueError, Py_None, Dict …) are set when the program starts, before
// Python is initialised, and are valid all the same: they are addresses of objects that are part of the
// library's data, none is NULL. Use them once Python runs. They are borrowed: never DecRef one.
package cpy3
