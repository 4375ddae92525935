package pybridge

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// Func is a Go function that Python can call. It runs without the GIL, so it may wait, and may call Python again, with
// the context it was given, which ends when the call that the Python code belongs to is interrupted. A [FuncOption] says
// where it runs; without one it has a goroutine of its own.
//
// Arguments are converted as As[any] does; an object of another type arrives as an [*Object] that is released when the
// function returns. What the function returns is converted as ToPython does; of a [Given] the Value is, and then it is
// released.
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

// ended is the error of a function that ended so.
func ended(e panics.End) error {
	switch {
	case e.Panic != nil:
		return (*PanicError)(e.Panic)
	case e.Exited:
		return panics.ErrExited
	}
	return e.Err
}

// FuncOption says how a [Func] runs when Python calls it.
type FuncOption func(*funcOptions)

type funcOptions struct{ inPlace, holdGIL bool }

// InPlace has a function run on the goroutine that Python called on. It saves handing the call to another OS thread and
// back, which is most of what a short call costs. It is for functions that are known to return: where one ends its
// goroutine (runtime.Goexit, testing.T.FailNow) the process ends, with a panic that says so, as the frames of C below the
// function cannot be left.
func InPlace() FuncOption { return func(o *funcOptions) { o.inPlace = true } }

// HoldGIL has a function run in place, as with [InPlace], and with the GIL held. It saves giving the GIL to another
// thread and waiting for it. It is for functions that do not wait: the function gets its token by [gil.Assume], and what
// may wait goes into a [gil.Detach].
func HoldGIL() FuncOption { return func(o *funcOptions) { o.inPlace, o.holdGIL = true, true } }

// NewFunc makes a Python callable of f (PyCFunction_New); ctx is the parent of what f gets.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new; f lives as long as the callable does in Python
//   - Blocks: no
func NewFunc(t gil.Token, ctx context.Context, name string, f Func, options ...FuncOption) (*Object, error) {
	t.Assert()
	b := bridge.Load()
	if b == nil || !gil.Held() {
		return nil, ErrNotHeld
	}
	if err := b.need(t, errorsPart); err != nil { // for what f will return
		return nil, err
	}
	var o funcOptions
	for _, option := range options {
		option(&o)
	}
	ref, err := cpython.NewCallback(name, "A Go function.", func(args, kwargs cpython.Ref) (result, exception cpython.Ref) {
		return o.called(ctx, f, args, kwargs)
	}, nil)
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(ref, "Go function "+name), nil
}

// run runs f where the options say, and makes an error of its panic. The GIL is held.
func (o funcOptions) run(t gil.Token, ctx context.Context, f Func, args []any, kwargs map[string]any) (any, error) {
	switch {
	case o.holdGIL:
		return inPlace(ctx, f, args, kwargs)
	case o.inPlace:
		return detached(t, inPlace, ctx, f, args, kwargs)
	default:
		return detached(t, apart, ctx, f, args, kwargs)
	}
}

// runner runs f, and makes an error of its panic: inPlace or apart. The two share no closure: apart gives its closure to a
// goroutine, so what that refers to is allocated, and that costs 14 % of a short call in place.
type runner func(ctx context.Context, f Func, args []any, kwargs map[string]any) (any, error)

// detached runs f without the GIL.
func detached(t gil.Token, run runner, ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
	if failed := gil.Detach(t, func() { out, err = run(ctx, f, args, kwargs) }); failed != nil {
		err = failed
	}
	return out, err
}

// inPlace runs f on the goroutine of Python's call, which must not end.
func inPlace(ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
	panics.Catch(func() (err error) {
		out, err = f(ctx, args, kwargs)
		return err
	}, func(e panics.End) {
		if e.Exited {
			panic(panics.ErrExited) // panics: the process ends all the same, and would not say why
		}
		err = ended(e)
	})
	return out, err
}

// apart runs f on a goroutine of its own, which may end.
func apart(ctx context.Context, f Func, args []any, kwargs map[string]any) (out any, err error) {
	done := make(chan error, 1)
	go panics.Catch(func() (err error) {
		out, err = f(ctx, args, kwargs)
		return err
	}, func(e panics.End) { done <- ended(e) })
	err = <-done
	return out, err
}
