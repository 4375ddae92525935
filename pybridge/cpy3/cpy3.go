//go:build cpy3

package cpy3

import (
	"errors"
	"unsafe"

	python3 "github.com/go-python/cpy3"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// ErrNull is what a nil *python3.PyObject becomes when no Python exception explains it.
var ErrNull = errors.New("cpy3: NULL object, and no Python exception is pending")

// ToCpy3 gives the object to cpy3: for its functions, or for one that steals a reference. obj stays
// as it was. The caller owes one DecRef, under the GIL (Py_IncRef).
//
// GIL: held
// Thread: the token's
// Ref: new
// Blocks: no
//
// Errors: for a nil or released obj, and pybridge.ErrNotHeld.
func ToCpy3(t gil.Token, obj *pybridge.Object) (*python3.PyObject, error) {
	t.Assert()
	borrowed, err := obj.Pointer(t)
	if err != nil {
		return nil, err
	}
	// SAFETY: Pointer gave a live PyObject*, and what other goroutines release meanwhile is not dropped
	// before this one gives up the GIL.
	p := (*python3.PyObject)(borrowed)
	p.IncRef()
	return p, nil
}

// FromCpy3 makes an Object of p, borrowed or owned; what the caller owned it still owns (Py_IncRef).
// For NULL it returns the pending exception as [Err] does, so that a cpy3 call can be its argument.
//
// GIL: held
// Thread: the token's
// Ref: new; borrows p
// Blocks: no
//
// Errors: the exception as *pybridge.Error or else [ErrNull] for NULL; pybridge.ErrNotHeld.
func FromCpy3(t gil.Token, p *python3.PyObject) (*pybridge.Object, error) {
	t.Assert()
	if p == nil {
		return nil, nullError(t)
	}
	return pybridge.Borrow(t, unsafe.Pointer(p), label) // SAFETY: the memory is Python's, not Go's
}

// Take makes an Object of p and of the reference that the caller owned: after it DecRef must not be
// called. For NULL it returns the pending exception as [Err] does, so that a cpy3 call that returns
// a new reference can be its argument.
//
// GIL: held
// Thread: the token's
// Ref: consumes p, if there is no error
// Blocks: no
//
// Errors: as of [FromCpy3].
func Take(t gil.Token, p *python3.PyObject) (*pybridge.Object, error) {
	t.Assert()
	if p == nil {
		return nil, nullError(t)
	}
	return pybridge.Steal(t, unsafe.Pointer(p), label) // SAFETY: the memory is Python's, not Go's
}

// Err takes the exception that a cpy3 call left pending, as *pybridge.Error; nil if there is none
// (PyErr_Fetch).
//
// GIL: held
// Thread: the token's
// Ref: none
// Blocks: user code, the __str__ of the exception
func Err(t gil.Token) error { return pybridge.FetchError(t) }

// label names where a reference came from in reports of leaks; Object.Named says more.
const label = "from cpy3"

func nullError(t gil.Token) error {
	if err := Err(t); err != nil {
		return err
	}
	return ErrNull
}
