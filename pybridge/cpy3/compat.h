/*
 * What github.com/go-python/cpy3 v0.2.0 calls and CPython 3.9 to 3.13 no longer declares or exports.
 *
 * scripts/cpy3env.sh forces this file into every compilation of cpy3 (CGO_CFLAGS=-include), so that cpy3
 * itself stays unmodified. CGO_CFLAGS holds for every package with C in the build, runtime/cgo and
 * internal/cpython among them. Hence no Python.h here, no Python type, nothing that makes a symbol: to
 * packages which name none of these functions the file is empty. The functions are static and stand
 * before any declaration in Python.h, which then inherits their linkage (C11 6.2.2p4, p5).
 */
#ifndef GOPYRPC_CPY3_COMPAT_H
#define GOPYRPC_CPY3_COMPAT_H

#ifndef __ASSEMBLER__ /* runtime/cgo has assembly, which is compiled with CGO_CFLAGS too */

/* The version macros alone. cpy3's own compilations always have them: Python.h lies beside. */
#if __has_include(<patchlevel.h>)
#include <patchlevel.h>
#endif

#if defined(PY_VERSION_HEX) && PY_VERSION_HEX >= 0x03090000

#include <stddef.h> /* wchar_t */

/*
 * Gone with 3.9. They emptied an allocator's cache and returned how many blocks that freed. A full
 * gc.collect() empties those caches since, so nothing is left for them to free.
 */
static inline int PyDict_ClearFreeList(void) { return 0; }
static inline int PyFloat_ClearFreeList(void) { return 0; }
static inline int PyList_ClearFreeList(void) { return 0; }

/*
 * Gone with 3.9. It repaired the GIL in a forked child. PyOS_AfterFork_Child does that since 3.7, and a
 * Go process does not fork without exec: the child would have one thread and no Go scheduler.
 */
static inline void PyEval_ReInitThreads(void) {}

#if PY_VERSION_HEX < 0x030d0000
/*
 * In 3.9 to 3.12 declared but not exported: the library hides it. It names a descriptor for CPython's signal
 * handler to write to, and returns the one before, -1 for none. Signals are Go's here, so that handler
 * is not installed: there never is a descriptor, and none would ever be written to.
 */
static inline int PySignal_SetWakeupFd(int fd) { (void)fd; return -1; }
#endif

#if PY_VERSION_HEX >= 0x030d0000
/*
 * Gone with 3.13. It worked before Py_Initialize only and returned -1 after. With gopyrpc it is always
 * after; where not, the caller sees that the encoding was not set (PYTHONIOENCODING does it).
 */
static inline int Py_SetStandardStreamEncoding(const char *encoding, const char *errors) {
	(void)encoding;
	(void)errors;
	return -1;
}

/* Gone from the headers with 3.13; the library keeps them for the stable ABI. */
int PyEval_ThreadsInitialized(void);
void PySys_AddWarnOption(const wchar_t *);
void PySys_AddXOption(const wchar_t *);
void PySys_SetPath(const wchar_t *);
void Py_SetPath(const wchar_t *);
#endif

#endif /* PY_VERSION_HEX */
#endif /* __ASSEMBLER__ */
#endif /* GOPYRPC_CPY3_COMPAT_H */
