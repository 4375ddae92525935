package pybridge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// Func is a Go function that Python can call. It runs on a goroutine of its own without the GIL, so
// it may wait, and may call Python again, with the context it was given, which ends when the call that
// the Python code belongs to is interrupted. Arguments are converted as
// As[any] does; an object of another type arrives as an [*Object] that is released when f returns.
//
// What it returns is converted as ToPython does; of a [Given] the Value is, and then it is released.
//
// An error is raised in Python: one that wraps an [*Error] seen through ctx as that very exception;
// one that wraps a builtin's [Class] as that class; any other as _gopyrpc_bridge.GoError. Come back to
// Go, the [*Error] of either wraps the same Go error. A panic becomes _gopyrpc_bridge.GoPanic, and a
// runtime.Goexit an error.
type Func func(ctx context.Context, args []any, kwargs map[string]any) (any, error)

// Given is what a [Func] returns and gives up, as a reference that Python is to have alone: Release is called once Value
// was converted, with the GIL held, also where it could not be.
type Given struct {
	Value   any
	Release func()
}

// PanicError is a panic of a [Func], or of what [Runtime.OnOwner] runs, as an error.
type PanicError struct {
	Value any
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the value, when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGoexit = errors.New("the Go function ended its goroutine (runtime.Goexit) instead of returning")

// NewFunc makes a Python callable of f; ctx is the parent of what f gets.
//
// GIL: held
// Thread: the token's
// Ref: new; f lives as long as the callable does in Python
// Blocks: no
func NewFunc(t gil.Token, ctx context.Context, name string, f Func) (*Object, error) {
	return newFunc(t, ctx, name, f, detached(apart))
}

// NewFuncInPlace is NewFunc for a function that is known to keep its goroutine: it runs where Python called,
// which saves handing the call to another OS thread and back, the most of what a short one costs.
// Where such a function ends its goroutine (runtime.Goexit, testing.T.FailNow) the process ends, with a panic
// that says so: the frames of C below it cannot be left.
//
// GIL: held
// Thread: the token's
// Ref: new; f lives as long as the callable does in Python
// Blocks: no
func NewFuncInPlace(t gil.Token, ctx context.Context, name string, f Func) (*Object, error) {
	return newFunc(t, ctx, name, f, detached(inPlace))
}

// NewFuncHeld is NewFuncInPlace for a function that does not wait: the GIL stays held while it runs, which saves giving
// it to another thread and waiting for that. f gets its token by [gil.Assume], and what may wait goes into a
// [gil.Detach].
//
// GIL: held
// Thread: the token's
// Ref: new; f lives as long as the callable does in Python
// Blocks: no
func NewFuncHeld(t gil.Token, ctx context.Context, name string, f Func) (*Object, error) {
	return newFunc(t, ctx, name, f, func(_ gil.Token, ctx context.Context, f Func, args []any, kwargs map[string]any) (any, error) {
		return inPlace(ctx, f, args, kwargs)
	})
}

func newFunc(t gil.Token, ctx context.Context, name string, f Func, run caller) (*Object, error) {
	t.Assert()
	b := bridge.Load()
	if b == nil || !gil.Held() {
		return nil, ErrNotHeld
	}
	if err := b.need(t, errorsPart); err != nil { // for what f will return
		return nil, err
	}
	call := func(args, kwargs cpython.Ref) (result, exception cpython.Ref) {
		return called(ctx, f, run, args, kwargs)
	}
	ref, err := cpython.NewCallback(name, "A Go function.", call, nil)
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(ref, "Go function "+name), nil
}

// called runs on the thread that Python called from, with the GIL held.
func called(parent context.Context, f Func, run caller, args, kwargs cpython.Ref) (result, exception cpython.Ref) {
	s := &scope{refs: map[*Error]cpython.Ref{}}
	defer func() { _, _ = cpython.DrainPending(drainBatch) }()
	defer s.close()
	ctx := context.WithValue(parent, scopeKey{}, s)
	t, err := gil.Assume(ctx)
	if err != nil {
		return nil, nil
	}
	ctx, over := interrupt.Context(ctx)
	defer over()
	values, keywords, err := s.arguments(args, kwargs)
	var out any
	if err == nil {
		out, err = run(t, ctx, f, values, keywords)
	}
	if given, ok := out.(Given); ok {
		defer given.Release()
		out = given.Value
	}
	if err == nil {
		result, err = toRef(out)
	}
	if err != nil {
		return nil, s.exceptionFor(err)
	}
	return result, nil
}

// caller calls a function for Python, with the GIL or without it.
type caller func(t gil.Token, ctx context.Context, f Func, args []any, kwargs map[string]any) (any, error)

// detached calls without it.
func detached(run runner) caller {
	return func(t gil.Token, ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
		if failed := gil.Detach(t, func() { out, err = run(ctx, f, args, kwargs) }); failed != nil {
			err = failed
		}
		return out, err
	}
}

// runner runs a function for Python, and makes an error of its panic.
type runner func(ctx context.Context, f Func, args []any, kwargs map[string]any) (any, error)

// inPlace runs f on the goroutine of Python's call, which Goexit must not end: that cannot be recovered.
func inPlace(ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil {
			panic(errGoexit) // panics: the process ends all the same, and would not say why
		}
		err = &PanicError{v, string(debug.Stack())}
	}()
	out, err = f(ctx, args, kwargs)
	returned = true
	return out, err
}

// apart runs f on a goroutine of its own, which Goexit may end.
func apart(ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
	done := make(chan struct{})
	err = errGoexit
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{v, string(debug.Stack())}
			}
		}()
		out, err = f(ctx, args, kwargs)
	}()
	<-done
	return out, err
}

type scopeKey struct{}

// scope is one call of a Func: what it borrowed from Python and must be able to give back.
type scope struct {
	mu sync.Mutex
	// guarded by mu
	refs    map[*Error]cpython.Ref // exceptions captured during the call, to raise again as they are
	objects []*Object
	closed  bool
}

// InCallback says whether ctx is one that a [Func] was called with, or made from it: whether the
// caller is, in the end, Python code that waits for this to return.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func InCallback(ctx context.Context) bool { return ctx.Value(scopeKey{}) != nil }

// keepFor hands exc to the callback that ctx belongs to, if any, and reports whether it took it.
func keepFor(ctx context.Context, e *Error, exc cpython.Ref) bool {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.refs[e] = exc
	return true
}

func (s *scope) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, exc := range s.refs {
		cpython.ReleaseLater(exc)
	}
	for _, o := range s.objects {
		o.Release()
	}
}

func (s *scope) arguments(args, kwargs cpython.Ref) ([]any, map[string]any, error) {
	r := reader{opaque: s.object}
	values, err := r.sequence(args, cpython.KindTuple, 0)
	if err != nil || kwargs == nil {
		return values, nil, err
	}
	items, err := r.dict(kwargs, 0)
	if err != nil {
		return nil, nil, err
	}
	keywords := make(map[string]any, len(items))
	for _, item := range items {
		keywords[asText(item.Key)] = item.Value
	}
	return values, keywords, nil
}

func (s *scope) object(r cpython.Ref) (any, error) {
	ref, err := cpython.IncRef(r)
	if err != nil {
		return nil, err
	}
	o := adopt(ref, "argument of a Go function")
	s.objects = append(s.objects, o)
	return o, nil
}

// exceptionFor gives a new reference to the exception to raise for err. GIL held.
func (s *scope) exceptionFor(err error) cpython.Ref {
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		return raised.Exception
	}
	if exc := s.original(err); exc != nil {
		return exc
	}
	return newGoError(err)
}

func (s *scope) original(err error) cpython.Ref {
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	exc := s.refs[e]
	delete(s.refs, e)
	return exc
}
