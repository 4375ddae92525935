package pybridge_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// What a Go function waits for ends with the call that waits for the function.
func TestCallbackEndsWithItsCall(t *testing.T) {
	waiting := make(chan struct{})
	causes := make(chan error, 1)
	var wait, fn *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		var err error
		wait, err = pybridge.NewFunc(tok, context.Background(), "wait", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			close(waiting)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, nil
		})
		require.NoError(t, err)
		fn = pythontest.Define(t, tok, "def value(data, wait):\n wait()\n for i in range(10**9): pass\n return b'not interrupted'", "value")
	})
	defer wait.Release()
	defer fn.Release()
	for name, with := range map[string]func(context.Context) context.Context{
		"left": func(ctx context.Context) context.Context { return ctx }, "stayed": gil.WaitForCompletion,
	} {
		t.Run(name, func(t *testing.T) {
			waiting = make(chan struct{})
			ctx, cancel := context.WithCancel(with(context.Background()))
			defer cancel()
			go func() {
				<-waiting
				cancel()
			}()
			_, _, err := fn.CallBytes(ctx, []byte("x"), wait)
			require.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, <-causes, gil.ErrInterrupted)
		})
	}
}

// So does what is waited for in a function that is named like those of locks, such as a lock's that another worker has: the
// thread does not look meanwhile, and is held back for a while only.
func TestCallbackEndsWithItsCallInEnter(t *testing.T) {
	waiting := make(chan struct{})
	causes := make(chan error, 1)
	ends := make(chan struct{})
	defer close(ends)
	var wait, fn *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		var err error
		wait, err = pybridge.NewFunc(tok, context.Background(), "wait", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			close(waiting)
			select {
			case <-ctx.Done():
			case <-ends:
			}
			causes <- context.Cause(ctx)
			return nil, nil
		})
		require.NoError(t, err)
		fn = pythontest.Define(t, tok, `
def value(data, wait):
    class Lock:
        def __enter__(self): wait()
        def __exit__(self, *exc): pass
    with Lock():
        for i in range(10**9): pass
    return b'not interrupted'`, "value")
	})
	defer wait.Release()
	defer fn.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-waiting
		cancel()
	}()
	_, _, err := fn.CallBytes(ctx, []byte("x"), wait)
	require.ErrorIs(t, err, context.Canceled)
	pythontest.Until(t, "the wait has ended", func() bool { return len(causes) == 1 })
	assert.ErrorIs(t, <-causes, gil.ErrInterrupted)
}

// One that comes to an end by itself leaves nothing that a later interruption could hit.
func TestCallbackContextIsDoneWithAfterwards(t *testing.T) {
	var seen context.Context
	pythontest.With(t, func(tok gil.Token) {
		f, err := pybridge.NewFunc(tok, context.Background(), "f", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			seen = ctx
			return nil, ctx.Err()
		})
		require.NoError(t, err)
		defer f.Release()
		result, err := f.Call(tok)
		require.NoError(t, err)
		result.Release()
	})
	assert.Equal(t, context.Canceled, context.Cause(seen))
}
