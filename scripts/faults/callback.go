package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// callbackFaults are Go functions that Python calls and that misbehave.
func callbackFaults() []fault {
	return []fault{
		{name: "callback-panic", injected: "a Go callback panics", must: "a Python exception with the text",
			do: callback("GoPanic: panic: in Go", func(*world) pybridge.Func {
				return func(context.Context, []any, map[string]any) (any, error) { panic("in Go") } // panics: the fault
			})},
		{name: "callback-nil", injected: "a Go callback dereferences nil", must: "a Python exception",
			do: callback("nil pointer dereference", func(*world) pybridge.Func {
				return func(context.Context, []any, map[string]any) (any, error) {
					var p *probe
					return p.status, nil
				}
			})},
		{name: "callback-goexit", injected: "a Go callback ends its goroutine", must: "a Python exception",
			do: callback("Goexit", func(*world) pybridge.Func {
				return func(context.Context, []any, map[string]any) (any, error) { runtime.Goexit(); return nil, nil }
			})},
		{name: "callback-error", injected: "a Go callback returns an error", must: "a Python exception with its text",
			do: callback("GoError: no luck", func(*world) pybridge.Func {
				return func(context.Context, []any, map[string]any) (any, error) { return nil, errors.New("no luck") }
			})},
		{name: "callback-unconvertible", injected: "a Go callback returns a channel", must: "a Python exception that names the type",
			do: callback("chan", func(*world) pybridge.Func {
				return func(context.Context, []any, map[string]any) (any, error) { return make(chan int), nil }
			})},
		{name: "callback-calls-back", injected: "a Go callback runs another function", must: "results, no deadlock",
			do: callback("42", func(w *world) pybridge.Func {
				call := w.innocent()
				return func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return w.run(ctx, call) }
			})},
		{name: "callback-waits", injected: "a Go callback waits for another goroutine that needs Python", must: "no deadlock",
			do: callback("42", func(w *world) pybridge.Func {
				call := w.innocent()
				return func(context.Context, []any, map[string]any) (v any, err error) {
					done := make(chan struct{})
					go func() {
						defer close(done)
						v, err = w.run(background, call)
					}()
					<-done
					return v, err
				}
			})},
		{name: "callback-cleanup", injected: "a Go callback cleans up the handler", must: "does not wait for itself; then ErrClosed", do: func(p *probe) {
			w := start(p)
			call := w.innocent()
			v := w.callback(func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return nil, w.h.Cleanup(ctx) })
			p.check(v == "<nil>", "Cleanup: %s", v)
			_, err := w.h.RunUDF(background, call)
			p.checkIs(err, pybridge.ErrClosed, "a call")
			w.close()
			p.did("%v", err)
		}},
	}
}

// callback is a fault's function that calls a Go function from Python; what Python sees must contain text.
func callback(text string, f func(*world) pybridge.Func) func(*probe) {
	return usual(func(w *world) {
		v := w.callback(f(w))
		w.check(strings.Contains(v, text), "Python saw %q", v)
		w.did("Python saw %q", v)
	})
}

// callback returns what Python sees of a Go function: the result, or the exception.
func (w *world) callback(f pybridge.Func) (seen string) {
	w.must(gil.With(background, func(t gil.Token) error {
		fn, err := pybridge.NewFunc(t, background, "f", f)
		if err != nil {
			return err
		}
		defer fn.Release()
		module, err := w.rt.Import(t, "faulty")
		if err != nil {
			return err
		}
		defer module.Release()
		result, err := module.CallMethod(t, "seen_of", fn)
		if err != nil {
			return err
		}
		defer result.Release()
		v, err := pybridge.As[any](t, result)
		seen = fmt.Sprint(v)
		return err
	}))
	return seen
}
