package cpython

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"unsafe"
)

// Presence says what the process held of CPython before [Load].
type Presence int

// What [Process] can find.
const (
	Absent      Presence = iota // no libpython in the process
	Linked                      // linked or loaded, not initialised
	Initialised                 // running: the process is Python's, or somebody else embedded it
)

// Process reports whether a libpython is in the process already, and its path when known.
func Process() (Presence, string) {
	p := Presence(C.cpy_process_has_python())
	if p == Absent {
		return p, ""
	}
	return p, C.GoString(C.cpy_library_path())
}

// Load opens the libpython at path and resolves every function that gopyrpc uses. A libpython that is
// in the process already is used instead of path. The error is dlopen's, or names missing symbols; the
// library is closed then.
func Load(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return ownedError(C.cpy_load(name))
}

// Version is Py_GetVersion, callable from [Load] on, before initialisation.
func Version() string { return C.GoString(C.cpy_version()) }

// LibraryPath is the file that the loaded functions come from.
func LibraryPath() string { return C.GoString(C.cpy_library_path()) }

// Config is what Python is started with: an isolated configuration in UTF-8 mode, no signal handlers.
type Config struct {
	Minor       int
	ProgramName string // absolute path of the interpreter, from which CPython derives its paths
	Home        string // overrides the prefix when not empty
	Argv        []string
}

// Initialize starts the interpreter on the calling OS thread, which becomes Python's main thread and
// must be locked to its goroutine for ever. It returns detached. A failure leaves the process usable
// and Python unusable.
func Initialize(c Config) error {
	args, free := initArgs(c)
	defer free()
	if err := ownedError(C.cpy_init(args)); err != nil {
		return initError(err)
	}
	if C.cpy_detach() != C.CPY_OK {
		return ErrNotHeld
	}
	return nil
}

// initError adds the exception that stopped the start, which CPython's own text does not tell.
func initError(err error) error {
	exception, _ := asRef(C.cpy_begin_failed())
	if exception == nil {
		return err
	}
	defer C.cpy_end_failed()
	defer func() { _ = DecRef(exception) }()
	class, typeErr := Type(exception)
	if typeErr != nil {
		return err
	}
	defer func() { _ = DecRef(class) }()
	return fmt.Errorf("%w: %s: %s", err, plainText(GetAttr(class, "__name__")), plainText(Str(exception)))
}

// plainText consumes a str, and is empty where there is none.
func plainText(text Ref, err error) string {
	var raised *Raised
	if errors.As(err, &raised) {
		_ = DecRef(raised.Exception)
	}
	if err != nil {
		return ""
	}
	defer func() { _ = DecRef(text) }()
	s, _ := AsString(text)
	return s
}

// FreeChildren gives the children that fork makes from now on the default action for every signal that
// Go handles.
func FreeChildren() { C.cpy_free_children() }

// Stacks is how much stack threads have for Python, in bytes: the process's first thread, whose stack may not have
// grown as its limit promises, and all that are made later.
func Stacks() (first, others int) {
	return int(C.cpy_stack_of_first()), int(C.cpy_stack_of_others())
}

// OnFirstThread reports whether the calling OS thread is the process's first, on which its main function began.
func OnFirstThread() bool { return C.cpy_on_first_thread() != 0 }

// KeepFreed has the C library keep so many bytes that were freed instead of giving them back to the kernel (mallopt:
// M_TRIM_THRESHOLD, M_MMAP_THRESHOLD), if it is one that can be told.
func KeepFreed(bytes int) { C.cpy_keep_freed(C.int(min(bytes, math.MaxInt32))) }

// TrimMemory has the C library give the memory that was freed back to the kernel (malloc_trim).
func TrimMemory() { C.cpy_trim_memory() }

// open allows attaching.
func open() { C.cpy_open() }

// Forbid refuses every later attach with [ErrClosed], and forgets references queued for release.
func Forbid() {
	C.cpy_close()
	closePending()
}

// Finalize is Py_FinalizeEx. Only on the thread that called [Initialize], attached, with nobody inside.
func Finalize() error {
	if C.cpy_finalize() != 0 {
		return errors.New("Py_FinalizeEx: buffered data could not be flushed")
	}
	return nil
}

func initArgs(c Config) (*C.cpy_init_args, func()) {
	var pinner runtime.Pinner
	var owned []*C.char
	text := func(s string) *C.char {
		p := C.CString(s)
		owned = append(owned, p)
		return p
	}
	argv := make([]*C.char, len(c.Argv)+1)
	for i, a := range c.Argv {
		argv[i] = text(a)
	}
	args := &C.cpy_init_args{
		minor:        C.int(c.Minor),
		program_name: text(c.ProgramName),
		argc:         C.int(len(c.Argv)),
		argv:         &argv[0],
		allocator:    C.int(allocator()),
	}
	if c.Home != "" {
		args.home = text(c.Home)
	}
	pinner.Pin(&argv[0])
	return args, func() {
		pinner.Unpin()
		for _, p := range owned {
			C.free(unsafe.Pointer(p))
		}
	}
}

func ownedError(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return errors.New(strings.TrimSpace(C.GoString(text)))
}
