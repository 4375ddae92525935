package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// goFunc makes a callable, released at the end of the test.
func goFunc(t testing.TB, tok gil.Token, f pybridge.Func) *pybridge.Object {
	t.Helper()
	o, err := pybridge.NewFunc(tok, context.WithoutCancel(t.Context()), "go_function", f)
	require.NoError(t, err)
	t.Cleanup(o.Release)
	return o
}

func TestCallbackArgumentsAndResult(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, func(_ context.Context, args []any, kwargs map[string]any) (any, error) {
			assert.False(t, gil.Held(), "it runs without the GIL")
			return pybridge.Tuple{len(args), fmt.Sprint(args), fmt.Sprint(kwargs)}, nil
		})
		assert.Contains(t, repr(t, tok, f), "go_function")
		for expression, want := range map[string]string{
			"lambda f: f()":                         "(0, '[]', 'map[]')",
			"lambda f: f(1, 'a', None, [2.5])":      "(4, '[1 a <nil> [2.5]]', 'map[]')",
			"lambda f: f(k=1, ü='x')":               "(0, '[]', 'map[k:1 ü:x]')",
			"lambda f: f(*[1], **{'not an id': 2})": "(1, '[1]', 'map[not an id:2]')",
		} {
			assert.Equal(t, want, repr(t, tok, call(t, tok, pythontest.Eval(t, tok, expression), f)))
		}
	})
}

func TestCallbackGetsObjects(t *testing.T) {
	var stale, kept *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, func(ctx context.Context, args []any, kwargs map[string]any) (any, error) {
			first, ok := args[0].(*pybridge.Object)
			if !ok {
				return nil, fmt.Errorf("got %T", args[0])
			}
			stale = args[1].([]any)[0].(*pybridge.Object)
			err := gil.With(ctx, func(tok gil.Token) (err error) {
				kept, err = stale.Clone(tok)
				return err
			})
			return []any{first, kwargs["k"]}, err
		})
		same := pythontest.Define(t, tok, "def same(f):\n    a, b, c = object(), object(), object()\n    r = f(a, [b], k=c)\n    return r[0] is a and r[1] is c", "same")
		assert.True(t, as[bool](t, tok, call(t, tok, same, f)))
		_, err := stale.Repr(tok)
		assert.ErrorIs(t, err, pybridge.ErrReleased, "arguments are released when the function returns")
		require.NotNil(t, kept)
		defer kept.Release()
		assert.Contains(t, repr(t, tok, kept), "object")
	})
}

func TestCallbackWithUnconvertibleValues(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		calls := 0
		f := goFunc(t, tok, func(context.Context, []any, map[string]any) (any, error) {
			calls++
			return make(chan int), nil
		})
		_, err := f.Call(tok)
		assert.ErrorContains(t, err, "chan int")
		var failure *pybridge.ConversionError
		assert.ErrorAs(t, err, &failure)
		assert.Equal(t, 1, calls)

		cyclic := pythontest.Define(t, tok, "value = []\nvalue.append(value)", "value")
		_, err = f.Call(tok, cyclic)
		assert.ErrorContains(t, err, "nested too deeply")
		assert.Equal(t, 1, calls, "not called with what it cannot see")

		invalid := goFunc(t, tok, func(context.Context, []any, map[string]any) (any, error) { return "\xff", nil })
		_, err = invalid.Call(tok)
		assert.ErrorIs(t, err, pybridge.UnicodeDecodeError)
	})
}

func TestCallbackPanicAndGoexit(t *testing.T) {
	errInside := errors.New("inside")
	for name, c := range map[string]struct {
		f     func()
		class string
		text  string
	}{
		"text":   {func() { panic("boom") }, "_gopyrpc_bridge.GoPanic", "panic: boom"},
		"error":  {func() { panic(errInside) }, "_gopyrpc_bridge.GoPanic", "panic: inside"},
		"nil":    {func() { panic(nil) }, "_gopyrpc_bridge.GoPanic", "panic called with nil argument"},
		"index":  {func() { _ = []int{}[len(name(t))] }, "_gopyrpc_bridge.GoPanic", "index out of range"},
		"goexit": {func() { runtime.Goexit() }, "_gopyrpc_bridge.GoError", "runtime.Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				f := goFunc(t, tok, func(context.Context, []any, map[string]any) (any, error) {
					c.f()
					return nil, nil
				})
				_, err := f.Call(tok)
				assert.ErrorIs(t, err, pybridge.Class(c.class))
				assert.ErrorIs(t, err, pybridge.RuntimeError)
				assert.ErrorContains(t, err, c.text)
				var panicked *pybridge.PanicError
				if errors.As(err, &panicked) {
					assert.Contains(t, panicked.Stack, "callback_test.go")
				}
				assert.Equal(t, name == "error", errors.Is(err, errInside))
			})
		})
	}
}

func name(t *testing.T) string { return t.Name() }

func TestCallbackOutlivesItsMaker(t *testing.T) {
	var namespace *pybridge.Object
	func() {
		secret := "kept by the closure"
		pythontest.With(t, func(tok gil.Token) {
			namespace = pythontest.Eval(t, tok, "{}")
			f, err := pybridge.NewFunc(tok, context.Background(), "f", func(context.Context, []any, map[string]any) (any, error) { return secret, nil })
			require.NoError(t, err)
			defer f.Release()
			require.NoError(t, namespace.SetItem(tok, "f", f))
		})
	}()
	runtime.GC()
	drained(t)
	pythontest.With(t, func(tok gil.Token) {
		caller := pythontest.Eval(t, tok, "lambda namespace: namespace['f']()")
		assert.Equal(t, "kept by the closure", as[string](t, tok, call(t, tok, caller, namespace)))
	})
}

func TestCallbackGoesWhenPythonDropsIt(t *testing.T) {
	collected(t)
	before := gil.Stats().Callbacks
	pythontest.With(t, func(tok gil.Token) {
		for range 100 {
			f, err := pybridge.NewFunc(tok, t.Context(), "f", func(context.Context, []any, map[string]any) (any, error) {
				return nil, errors.New("an error is a Go function in Python, too")
			})
			require.NoError(t, err)
			_, err = f.Call(tok)
			require.Error(t, err)
			f.Release()
		}
		assert.Greater(t, gil.Stats().Callbacks, before)
	})
	collected(t)
	assert.Equal(t, before, gil.Stats().Callbacks)
}

// collected drops what waits to be dropped, and Python's cycles with what they hold.
func collected(t testing.TB) {
	t.Helper()
	drained(t)
	pythontest.With(t, func(tok gil.Token) { call(t, tok, pythontest.Eval(t, tok, "__import__('gc').collect")) })
	drained(t)
}
