package cpython

/*
#include "bridge.h"
*/
import "C"

import "errors"

// Up to 3.12, threading takes the thread that imports it first for the main one, and at its end
// Python waits for that thread's state to be deleted: for ever, when it is a thread of Go's. So this
// is the first import, where nobody was earlier, and the lock to wait for is forgotten.
const importThreading = `
import sys
if "threading" not in sys.modules:
    import threading
    try:
        threading._shutdown_locks.discard(threading._main_thread._tstate_lock)
    except AttributeError:
        pass
`

// HostHolds reports whether the calling OS thread has the GIL of the interpreter that somebody else started.
func HostHolds() bool { return C.cpy_host_holds() != 0 }

// AttachToRunning lets callers into an interpreter that somebody else started. It waits for the GIL.
// The goroutine must be locked to its OS thread.
func AttachToRunning() {
	open()
	if Attach(0) != nil {
		return
	}
	defer func() { _ = Detach() }()
	var raised *Raised
	if err := exec(importThreading); errors.As(err, &raised) {
		_ = DecRef(raised.Exception) // the interpreter is not ours: it works without, but may not end
	}
}

// exec runs source with globals of its own.
func exec(source string) error {
	builtins, err := Import("builtins")
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(builtins) }()
	fn, err := GetAttr(builtins, "exec")
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(fn) }()
	args, err := NewTuple(2)
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(args) }()
	text, err := FromString(source)
	if err == nil {
		err = SetTupleItem(args, 0, text)
	}
	if err != nil {
		return err
	}
	globals, err := NewDict()
	if err == nil {
		err = SetTupleItem(args, 1, globals)
	}
	if err != nil {
		return err
	}
	none, err := Call(fn, args, nil)
	if err != nil {
		return err
	}
	return DecRef(none)
}
