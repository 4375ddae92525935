//go:build !pydebug

package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing/fstest"
	"time"
	"unsafe"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// rows are all that is exported, but for what changes the state.
var rows = append(append(gilRows(), bridgeRows()...), handlerRows()...)

// worked says that an entry did its work: what Python raised, too, is an answer.
func worked(err error) error {
	var raised *pybridge.Error
	if errors.As(err, &raised) && !errors.Is(err, pybridge.ErrFailed) {
		return nil
	}
	return err
}

// withToken is for entries with a Token, which fail without the GIL and work with it in every state.
func withToken(name string, call func(caller) error) row {
	return row{name, always(gil.ErrNotHeld), fine, call}
}

// plain is for entries that have nothing to do with Python.
func plain(name string, call func(caller)) row {
	return row{name, fine, fine, func(c caller) error {
		call(c)
		return nil
	}}
}

// taking is for entries that take the GIL, and nest.
func taking(name string, call func(caller) error) row { return row{name, needsPython, fine, call} }

// ofRuntime is for a Runtime's methods with a Token.
func ofRuntime(name string, call func(caller) error) row {
	return row{name, made(pybridge.ErrNotStarted, gil.ErrNotHeld), fine, call}
}

// onOwner is for a Runtime's methods that wait for its owner.
func onOwner(name string, call func(caller) error) row {
	return row{name, needsRuntime, always(gil.ErrHeld), call}
}

// ofObject is for an Object's methods with a Token.
func ofObject(name string, call func(caller) error) row {
	return row{name, func(s state) error {
		if s == finalised {
			return pybridge.ErrReleased
		}
		return made(pybridge.ErrNoObject, gil.ErrNotHeld)(s)
	}, fine, call}
}

func released(o *pybridge.Object, err error) error {
	o.Release()
	return worked(err)
}

func failing[T any](_ T, err error) error { return worked(err) }

func gilRows() []row {
	return []row{
		taking("gil.With", func(c caller) error { return gil.With(c.ctx, func(gil.Token) error { return nil }) }),
		taking("gil.Acquire", func(c caller) error {
			g, err := gil.Acquire(c.ctx)
			if err == nil {
				err = g.Release()
			}
			return err
		}),
		taking("gil.Guard.Token", func(c caller) error {
			g, err := gil.Acquire(c.ctx)
			g.Token()
			_ = g.Release()
			return err
		}),
		{"gil.Guard.Release", func(s state) error {
			if needsPython(s) != nil {
				return gil.ErrNotHeld // the guard is nil
			}
			return nil
		}, fine, func(c caller) error {
			g, _ := gil.Acquire(c.ctx)
			return g.Release()
		}},
		withToken("gil.Assume", func(c caller) error { return failing(gil.Assume(c.ctx)) }),
		withToken("gil.Detach", func(c caller) error { return gil.Detach(c.t, func() {}) }),
		{"gil.Call", needsPython, always(gil.ErrHeld), func(c caller) error {
			return failing(gil.Call(c.ctx, func(gil.Token) (int, error) { return 0, nil }))
		}},
		plain("gil.OnStall", func(caller) { gil.OnStall(func(*gil.Stall) {})() }),
		plain("gil.Held", func(caller) { gil.Held() }),
		plain("gil.Stats", func(caller) { gil.Stats() }),
		plain("gil.WaitForCompletion", func(c caller) { gil.WaitForCompletion(c.ctx) }),
		plain("gil.WithLabel", func(c caller) { gil.WithLabel(c.ctx, "label") }),
		plain("gil.Token.Assert", func(c caller) { c.t.Assert() }),
		plain("gil.AssertNotHeld", func(caller) { gil.AssertNotHeld() }),
		plain("gil.Token.Context", func(c caller) { c.t.Context() }),
		plain("gil.Histogram.Mean", func(caller) { gil.Stats().Hold.Mean() }),
		plain("gil.Histogram.Quantile", func(caller) { gil.Stats().Hold.Quantile(0.5) }),
		plain("gil.InterruptedError.Error", func(caller) { _ = (&gil.InterruptedError{}).Error() }),
		plain("gil.InterruptedError.Unwrap", func(caller) { (&gil.InterruptedError{}).Unwrap() }),
	}
}

func bridgeRows() []row {
	return append(append(runtimeRows(), objectRows()...), []row{
		withToken("pybridge.ToPython", func(c caller) error { return released(pybridge.ToPython(c.t, []any{1, "x", nil, true})) }),
		withToken("pybridge.ToPython nil", func(c caller) error { return released(pybridge.ToPython(c.t, nil)) }),
		withToken("pybridge.NewFunc", func(c caller) error {
			return released(pybridge.NewFunc(c.t, c.ctx, "f", func(context.Context, []any, map[string]any) (any, error) { return nil, nil }))
		}),
		plain("pybridge.InPlace", func(caller) { _ = pybridge.InPlace() }),
		plain("pybridge.HoldGIL", func(caller) { _ = pybridge.HoldGIL() }),
		withToken("pybridge.FetchError", func(c caller) error { return pybridge.FetchError(c.t) }),
		withToken("pybridge.Steal", func(c caller) error { return released(pybridge.Steal(c.t, c.pointer(true), "stolen")) }),
		withToken("pybridge.Borrow", func(c caller) error { return released(pybridge.Borrow(c.t, c.pointer(false), "borrowed")) }),
		plain("pybridge.InCallback", func(c caller) { pybridge.InCallback(c.ctx) }),
		plain("pybridge.Owned", func(caller) { pybridge.Owned() }),
		plain("pybridge.Dropped", func(caller) { pybridge.Dropped() }),
		plain("pybridge.Leaks", func(caller) { pybridge.Leaks() }),
		plain("pybridge.Dict.Get", func(caller) { pybridge.Dict{}.Get("x") }),
		plain("pybridge.Version.String", func(caller) { _ = pybridge.Version{}.String() }),
		plain("pybridge.FinalizePolicy.String", func(caller) { _ = pybridge.FinalizeGraceful.String() }),
		plain("pybridge.Stack.String", func(caller) { _ = (&pybridge.Stack{}).String() }),
		plain("pybridge.Problem.String", func(caller) { _ = pybridge.Problem{}.String() }),
		plain("pybridge.Class.Error", func(caller) { _ = pybridge.ValueError.Error() }),
		plain("pybridge.ConversionError.Error", func(caller) { _ = (&pybridge.ConversionError{}).Error() }),
		plain("pybridge.PanicError.Error", func(caller) { _ = (&pybridge.PanicError{}).Error() }),
		plain("pybridge.PanicError.Unwrap", func(caller) { _ = (&pybridge.PanicError{}).Unwrap() }),
		plain("pybridge.Error.Error", func(caller) { _ = (&pybridge.Error{}).Error() }),
		plain("pybridge.Error.Is", func(caller) { (&pybridge.Error{}).Is(pybridge.ValueError) }),
		plain("pybridge.Error.Unwrap", func(caller) { (&pybridge.Error{}).Unwrap() }),
		plain("pybridge.Error.Format", func(caller) { _ = fmt.Sprintf("%+v", &pybridge.Error{}) }),
		plain("pybridge.WithPython", func(caller) { pybridge.WithPython("x") }),
		plain("pybridge.WithLibrary", func(caller) { pybridge.WithLibrary("x") }),
		plain("pybridge.WithHome", func(caller) { pybridge.WithHome("x") }),
		plain("pybridge.WithArgv", func(caller) { pybridge.WithArgv("x") }),
		plain("pybridge.WithPath", func(caller) { pybridge.WithPath("x") }),
		plain("pybridge.WithPreload", func(caller) { pybridge.WithPreload("x") }),
		plain("pybridge.WithPermits", func(caller) { pybridge.WithPermits(1) }),
		plain("pybridge.WithMaxAbandoned", func(caller) { pybridge.WithMaxAbandoned(1) }),
		plain("pybridge.WithSwitchInterval", func(caller) { pybridge.WithSwitchInterval(time.Second) }),
		plain("pybridge.WithFinalize", func(caller) { pybridge.WithFinalize(pybridge.FinalizeNever) }),
		plain("pybridge.WithCrashReports", func(caller) { pybridge.WithCrashReports(true) }),
		plain("pybridge.WithKeptMemory", func(caller) { pybridge.WithKeptMemory(1) }),
		plain("pybridge.WithFork", func(caller) { pybridge.WithFork(true) }),
		plain("pybridge.WithLogger", func(caller) { pybridge.WithLogger(slog.Default()) }),
	}...)
}

// pointer is a PyObject*, with a reference to give away, or anything but nil where there is none: without
// the GIL nobody looks there.
func (c caller) pointer(owned bool) unsafe.Pointer {
	if !gil.Held() {
		return unsafe.Pointer(c.world)
	}
	if owned {
		v, err := c.thing.CallMethod(c.t, "keep")
		must(err)
		v.Release()
	}
	p, err := c.thing.Pointer(c.t)
	must(err)
	return p
}

func runtimeRows() []row {
	return []row{
		{"pybridge.Start", func(s state) error {
			if s <= notFound {
				return pybridge.ErrNoPython
			}
			if s == starting {
				return context.Canceled
			}
			return needsPython(s)
		}, always(gil.ErrHeld), func(c caller) error {
			opts, ctx := c.opts, c.ctx
			switch c.state {
			case unstarted, notFound:
				opts = []pybridge.Option{pybridge.WithPython("/nonexistent/python3")}
			case starting:
				ended, cancel := context.WithCancel(ctx)
				cancel()
				ctx = ended
			}
			rt, err := pybridge.Start(ctx, opts...)
			if err == nil {
				err = rt.Close(ctx)
			}
			return err
		}},
		{"pybridge.Start with other options", func(s state) error {
			if s == starting || s >= running && s <= handlerClosed {
				return pybridge.ErrAlreadyStarted
			}
			if s <= notFound {
				return pybridge.ErrNoPython
			}
			return needsPython(s)
		}, always(gil.ErrHeld), func(c caller) error {
			return failing(pybridge.Start(c.ctx, pybridge.WithPython("/nonexistent/python3"), pybridge.WithPermits(3)))
		}},
		plain("pybridge.Runtime.Version", func(c caller) { c.rt.Version() }),
		plain("pybridge.Runtime.Interpreter", func(c caller) { c.rt.Interpreter() }),
		plain("pybridge.Runtime.OnHostsMainThread", func(c caller) { c.rt.OnHostsMainThread() }),
		ofRuntime("pybridge.Runtime.CheckSignals", func(c caller) error { return c.rt.CheckSignals(c.t) }),
		plain("pybridge.Runtime.Registry", func(c caller) { c.rt.Registry() }),
		ofRuntime("pybridge.Runtime.Import", func(c caller) error { return released(c.rt.Import(c.t, "sys")) }),
		ofRuntime("pybridge.Runtime.InstallPackage", func(c caller) error {
			return c.rt.InstallPackage(c.t, "installed", fstest.MapFS{"__init__.py": {Data: []byte("x = 1\n")}})
		}),
		ofRuntime("pybridge.Runtime.RunMain", func(c caller) error { return c.rt.RunMain(c.t, "x = 1", "main.py") }),
		{"pybridge.Runtime.Close while closing", func(s state) error {
			switch {
			case s < running:
				return pybridge.ErrNotStarted
			case s == draining:
				return context.Canceled
			}
			return nil
		}, func(s state) error {
			if s == shared || s >= draining {
				return gil.ErrHeld
			}
			return nil
		}, func(c caller) error {
			switch {
			case c.state == running || c.state == handlerDraining || c.state == handlerClosed:
				return nil // it would close
			case c.joined == nil || c.state == draining || gil.Held():
				return c.rt.Close(endedContext())
			}
			return c.closeAgain(c.rt.Close)
		}},
		onOwner("pybridge.Runtime.OnOwner", func(c caller) error {
			return c.rt.OnOwner(c.ctx, func(gil.Token) error { return nil })
		}),
		onOwner("pybridge.Runtime.Preload", func(c caller) error { return c.rt.Preload(c.ctx, "json") }),
		onOwner("pybridge.Runtime.Diagnose", func(c caller) error { return failing(c.rt.Diagnose(c.ctx)) }),
	}
}

func objectRows() []row {
	item := func(o *pybridge.Object) error { o.Release(); return nil }
	return []row{
		ofObject("pybridge.As", func(c caller) error { return failing(pybridge.As[pybridge.ByteArray](c.t, c.thing)) }),
		ofObject("pybridge.Object.Attr", func(c caller) error { return released(c.thing.Attr(c.t, "echo")) }),
		ofObject("pybridge.Object.SetAttr", func(c caller) error { return c.thing.SetAttr(c.t, "x", 1) }),
		ofObject("pybridge.Object.Item", func(c caller) error { return released(c.thing.Item(c.t, 0)) }),
		ofObject("pybridge.Object.SetItem", func(c caller) error { return c.thing.SetItem(c.t, 0, 1) }),
		ofObject("pybridge.Object.Len", func(c caller) error { return failing(c.thing.Len(c.t)) }),
		ofObject("pybridge.Object.Truth", func(c caller) error { return failing(c.thing.Truth(c.t)) }),
		ofObject("pybridge.Object.Callable", func(c caller) error { return failing(c.thing.Callable(c.t)) }),
		ofObject("pybridge.Object.IsInstance", func(c caller) error { return failing(c.thing.IsInstance(c.t, c.class)) }),
		ofObject("pybridge.Object.TypeName", func(c caller) error { return failing(c.thing.TypeName(c.t)) }),
		ofObject("pybridge.Object.Repr", func(c caller) error { return failing(c.thing.Repr(c.t)) }),
		ofObject("pybridge.Object.Str", func(c caller) error { return failing(c.thing.Str(c.t)) }),
		ofObject("pybridge.Object.Iterate", func(c caller) error { return c.thing.Iterate(c.t, item) }),
		ofObject("pybridge.Object.Clone", func(c caller) error { return released(c.thing.Clone(c.t)) }),
		ofObject("pybridge.Object.Call", func(c caller) error { return released(c.thing.Call(c.t, 1)) }),
		ofObject("pybridge.Object.CallKw", func(c caller) error {
			return released(c.thing.CallKw(c.t, []any{1}, map[string]any{"x": 1}))
		}),
		ofObject("pybridge.Object.CallMethod", func(c caller) error { return released(c.thing.CallMethod(c.t, "echo", 1)) }),
		ofObject("pybridge.Object.View", func(c caller) error {
			v, err := c.class.View(c.t) // a class has no buffer: a view of thing would keep it from being resized
			v.Release()
			return worked(err)
		}),
		{"pybridge.Object.Pointer", func(s state) error {
			return oneOf{gil.ErrNotHeld, pybridge.ErrNoObject}
		}, fine, func(c caller) error { return failing(c.thing.Pointer(c.t)) }},
		{"pybridge.Object.CallBytes", func(s state) error {
			switch {
			case s < running:
				return pybridge.ErrNoObject
			case s == finalised:
				return pybridge.ErrReleased
			}
			return needsPython(s)
		}, func(s state) error {
			if s >= draining {
				return oneOf{gil.ErrHeld, gil.ErrClosed}
			}
			return gil.ErrHeld
		}, func(c caller) error {
			_, o, err := c.thing.CallBytes(c.ctx, []byte("x"), nil)
			return released(o, err)
		}},
		{"pybridge.Object.CallBytesLent", func(s state) error {
			switch {
			case s < running:
				return pybridge.ErrNoObject
			case s == finalised:
				return pybridge.ErrReleased
			}
			return needsPython(s)
		}, func(s state) error {
			if s >= draining {
				return oneOf{gil.ErrHeld, gil.ErrClosed}
			}
			return gil.ErrHeld
		}, func(c caller) error {
			lent, err := c.thing.CallBytesLent(c.ctx, []byte("x"), nil)
			return released(lent.Object, err)
		}},
		plain("pybridge.Object.Release", func(c caller) { c.spare.Release() }),
		plain("pybridge.Object.Label", func(c caller) { c.thing.Label() }),
		plain("pybridge.Object.Named", func(c caller) { c.named.Named("another name") }),
		plain("pybridge.View.Bytes", func(c caller) { c.view.Bytes() }),
		plain("pybridge.View.Release", func(c caller) { c.spent.Release() }),
	}
}
