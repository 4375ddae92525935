package pybridge

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// Object is an owned reference to a Python object. Methods that take a Token need the GIL; all may be
// called from any goroutine. An Object is released by [Object.Release]; the garbage collector releases what was forgotten,
// but late. With a nil Object, as comes with an error, operations fail with
// [ErrNoObject], and Release does nothing.
type Object struct {
	entry   *entry
	cleanup runtime.Cleanup
}

// Release gives the reference up (Py_DECREF). The reference is queued, and dropped by the next holder of the GIL, or within
// some milliseconds by a goroutine that is started for it. Calls in progress keep the object until they end; later
// calls return [ErrReleased]. Releasing again does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the Object's
//   - Blocks: no
func (o *Object) Release() {
	if o.isNone() {
		return
	}
	if o.entry.release() {
		o.cleanup.Stop()
	}
}

// Label says what the reference is for; it names the object in leak reports.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (o *Object) Label() string {
	if o.isNone() {
		return "no object"
	}
	return o.entry.label
}

// Named changes the label and gives o back, so that a long-lived reference has a telling name. Only
// before o is shared with other goroutines.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (o *Object) Named(label string) *Object {
	if o.isNone() {
		return o
	}
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	o.entry.label = label
	return o
}

// isNone: o was not made by this package, or is what came with an error.
func (o *Object) isNone() bool { return o == nil || o.entry == nil }

func (o *Object) use() (cpython.Ref, error) {
	if o.isNone() {
		return nil, ErrNoObject
	}
	if !o.entry.use() {
		return nil, o.releasedError()
	}
	runtime.KeepAlive(o) // until the use is counted, the cleanup must not run
	return o.entry.ref, nil
}

func (o *Object) releasedError() error { return fmt.Errorf("%w: %s", ErrReleased, o.entry.label) }

func (o *Object) done() { o.entry.done() }

// drainBatch bounds how many references, given up by others maybe, an operation drops on its way.
const drainBatch = 1024

// object runs an operation on o's reference that gives a new one.
func (o *Object) object(t gil.Token, label string, f func(cpython.Ref) (cpython.Ref, error)) (*Object, error) {
	t.Assert()
	ref, err := o.use()
	if err != nil {
		return nil, err
	}
	defer o.done()
	// What a loop makes and releases must not pile up until the GIL is given back.
	_, _ = cpython.DrainPending(drainBatch)
	result, err := f(ref)
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(result, label), nil
}

// plain runs an operation on o's reference that gives a Go value.
func plain[T any](t gil.Token, o *Object, f func(cpython.Ref) (T, error)) (T, error) {
	t.Assert()
	ref, err := o.use()
	if err != nil {
		var zero T
		return zero, err
	}
	defer o.done()
	v, err := f(ref)
	return v, captured(t, err)
}

// Attr is getattr(o, name) (PyObject_GetAttr).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code
func (o *Object) Attr(t gil.Token, name string) (*Object, error) {
	return o.object(t, "attribute "+name, func(r cpython.Ref) (cpython.Ref, error) { return cpython.GetAttr(r, name) })
}

// SetAttr is setattr(o, name, v) with v converted as [ToPython] does (PyObject_SetAttr).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) SetAttr(t gil.Token, name string, v any) error {
	t.Assert()
	_, err := plain(t, o, func(r cpython.Ref) (struct{}, error) {
		value, err := toRef(v)
		if err != nil {
			return struct{}{}, err
		}
		defer func() { _ = cpython.DecRef(value) }()
		return struct{}{}, cpython.SetAttr(r, name, value)
	})
	return err
}

// Item is o[key] with key converted as [ToPython] does (PyObject_GetItem).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code
func (o *Object) Item(t gil.Token, key any) (*Object, error) {
	return o.object(t, "item", func(r cpython.Ref) (cpython.Ref, error) {
		k, err := toRef(key)
		if err != nil {
			return nil, err
		}
		defer func() { _ = cpython.DecRef(k) }()
		return cpython.GetItem(r, k)
	})
}

// SetItem is o[key] = v, both converted as [ToPython] does (PyObject_SetItem).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) SetItem(t gil.Token, key, v any) error {
	t.Assert()
	_, err := plain(t, o, func(r cpython.Ref) (struct{}, error) {
		refs, err := toRefs([]any{key, v})
		if err != nil {
			return struct{}{}, err
		}
		defer decrefAll(refs)
		return struct{}{}, cpython.SetItem(r, refs[0], refs[1])
	})
	return err
}

// Len is len(o) (PyObject_Size).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) Len(t gil.Token) (int, error) { return plain(t, o, cpython.Size) }

// Truth is bool(o) (PyObject_IsTrue).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) Truth(t gil.Token) (bool, error) { return plain(t, o, cpython.IsTrue) }

// Callable is callable(o) (PyCallable_Check).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: no
func (o *Object) Callable(t gil.Token) (bool, error) { return plain(t, o, cpython.Callable) }

// IsInstance is isinstance(o, class) (PyObject_IsInstance).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) IsInstance(t gil.Token, class *Object) (bool, error) {
	t.Assert()
	c, err := class.use()
	if err != nil {
		return false, err
	}
	defer class.done()
	return plain(t, o, func(r cpython.Ref) (bool, error) { return cpython.IsInstance(r, c) })
}

// TypeName is the qualified name of o's class, with its module unless builtin.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) TypeName(t gil.Token) (string, error) { return plain(t, o, typeName) }

// Repr is repr(o) (PyObject_Repr).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) Repr(t gil.Token) (string, error) {
	return plain(t, o, func(r cpython.Ref) (string, error) { return text(cpython.Repr(r)) })
}

// Str is str(o) (PyObject_Str).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code
func (o *Object) Str(t gil.Token) (string, error) {
	return plain(t, o, func(r cpython.Ref) (string, error) { return text(cpython.Str(r)) })
}

// Iterate calls f with each item of iter(o) until f gives an error or the items end. f owns the item.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new, one for each item
//   - Blocks: user code
func (o *Object) Iterate(t gil.Token, f func(item *Object) error) error {
	t.Assert()
	iterator, err := o.object(t, "iterator", cpython.Iter)
	if err != nil {
		return err
	}
	defer iterator.Release()
	for {
		item, err := plain(t, iterator, cpython.Next)
		if err != nil || item == nil {
			return err
		}
		if err := f(adopt(item, "item")); err != nil {
			return err
		}
	}
}

// Clone is a second reference to the same Python object, released on its own.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: no
func (o *Object) Clone(t gil.Token) (*Object, error) {
	return o.object(t, o.Label(), cpython.IncRef)
}

// Pointer is the PyObject*, borrowed: valid while the GIL is held and o is not released.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: borrowed
//   - Blocks: no
func (o *Object) Pointer(t gil.Token) (unsafe.Pointer, error) {
	t.Assert()
	if !gil.Held() {
		return nil, ErrNotHeld
	}
	return plain(t, o, func(r cpython.Ref) (unsafe.Pointer, error) { return unsafe.Pointer(r), nil })
}

// Steal makes an Object of a PyObject* whose reference the caller gives away.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: consumes the caller's
//   - Blocks: no
func Steal(t gil.Token, p unsafe.Pointer, label string) (*Object, error) {
	t.Assert()
	if p == nil {
		return nil, errors.New("nil PyObject")
	}
	if !gil.Held() {
		return nil, ErrNotHeld
	}
	return adopt(cpython.Ref(p), label), nil
}

// Borrow makes an Object of a PyObject* whose reference the caller keeps.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: no
func Borrow(t gil.Token, p unsafe.Pointer, label string) (*Object, error) {
	t.Assert()
	if p == nil {
		return nil, errors.New("nil PyObject")
	}
	ref, err := cpython.IncRef(cpython.Ref(p))
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(ref, label), nil
}

// text converts a new reference to a str and drops it.
func text(ref cpython.Ref, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer func() { _ = cpython.DecRef(ref) }()
	return cpython.AsString(ref)
}

func typeName(r cpython.Ref) (string, error) {
	module, name, err := classOf(r)
	return className(module, name), err
}

func classOf(r cpython.Ref) (module, name string, err error) {
	class, err := cpython.Type(r)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = cpython.DecRef(class) }()
	if name, err = text(cpython.GetAttr(class, "__qualname__")); err != nil {
		return "", "", err
	}
	module, err = text(cpython.GetAttr(class, "__module__"))
	return module, name, err
}

func decrefAll(refs []cpython.Ref) {
	for _, r := range refs {
		_ = cpython.DecRef(r)
	}
}
