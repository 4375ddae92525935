package pybridge_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func funcInPlace(t testing.TB, tok gil.Token, f pybridge.Func) *pybridge.Object {
	t.Helper()
	o, err := pybridge.NewFunc(tok, context.WithoutCancel(t.Context()), "in_place", f, pybridge.InPlace())
	require.NoError(t, err)
	t.Cleanup(o.Release)
	return o
}

func TestFuncInPlace(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		double := funcInPlace(t, tok, func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			assert.False(t, gil.Held(), "it runs without the GIL")
			assert.True(t, pybridge.InCallback(ctx))
			runtime.Gosched() // it may wait as any other
			var n int64
			err := gil.With(ctx, func(inner gil.Token) error { // and call Python
				o, err := pybridge.ToPython(inner, args[0].(int64)*2)
				if err != nil {
					return err
				}
				defer o.Release()
				n, err = pybridge.As[int64](inner, o)
				return err
			})
			return n, err
		})
		o, err := double.Call(tok, 21)
		require.NoError(t, err)
		defer o.Release()
		n, err := pybridge.As[int](tok, o)
		require.NoError(t, err)
		assert.Equal(t, 42, n)
	})
}

func TestFuncInPlaceFails(t *testing.T) {
	errInside := errors.New("inside")
	pythontest.With(t, func(tok gil.Token) {
		_, err := funcInPlace(t, tok, failing(errInside)).Call(tok)
		assert.ErrorIs(t, err, errInside)
		for _, v := range []any{errInside, nil} {
			f := funcInPlace(t, tok, func(context.Context, []any, map[string]any) (any, error) { panic(v) })
			_, err = f.Call(tok)
			assert.ErrorIs(t, err, pybridge.Class("_gopyrpc_bridge.GoPanic"))
			var panicked *pybridge.PanicError
			require.ErrorAs(t, err, &panicked)
			assert.Contains(t, panicked.Stack, "inplace_test.go")
			assert.Equal(t, v != nil, errors.Is(err, errInside))
		}
		assert.True(t, gil.Held(), "and Python goes on")
	})
}

func TestFuncHeld(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f, err := pybridge.NewFunc(tok, context.WithoutCancel(t.Context()), "held", func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			assert.True(t, gil.Held(), "it runs with the GIL")
			assert.True(t, pybridge.InCallback(ctx))
			if args[0] == nil {
				panic("nothing")
			}
			inner, err := gil.Assume(ctx)
			if err != nil {
				return nil, err
			}
			var out any
			err = gil.Detach(inner, func() { // and may give it back
				assert.False(t, gil.Held())
				out = args[0].(int64) * 2
			})
			return out, err
		}, pybridge.HoldGIL())
		require.NoError(t, err)
		defer f.Release()
		o, err := f.Call(tok, 21)
		require.NoError(t, err)
		defer o.Release()
		n, err := pybridge.As[int](tok, o)
		require.NoError(t, err)
		assert.Equal(t, 42, n)
		_, err = f.Call(tok, nil)
		assert.ErrorIs(t, err, pybridge.Class("_gopyrpc_bridge.GoPanic"))
		assert.True(t, gil.Held(), "and Python goes on")
	})
}

func init() {
	pythontest.Register("goexit in place", running(func(ctx context.Context, _ *pybridge.Runtime) error {
		return gil.With(ctx, func(tok gil.Token) error {
			f, err := pybridge.NewFunc(tok, ctx, "f", func(context.Context, []any, map[string]any) (any, error) {
				runtime.Goexit()
				return nil, nil
			}, pybridge.InPlace())
			if err != nil {
				return err
			}
			_, err = f.Call(tok)
			return err
		})
	}))
}

// TestGoexitInPlace: the process ends and says why, rather than going on with a stack of C that was left.
func TestGoexitInPlace(t *testing.T) {
	_, stderr, code := pythontest.Script(t, "goexit in place")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "runtime.Goexit")
}
