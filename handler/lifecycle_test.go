package handler_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestHeldGILIsRefused: a goroutine that holds the GIL and waits for the handler would wait for itself.
func TestHeldGILIsRefused(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.record, ('ran',), {})")
	pythontest.With(t, func(tok gil.Token) {
		ctx := t.Context()
		o := value(t, tok, "1")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.RunUDF(ctx, p); return err }), gil.ErrHeld, "RunUDF")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.Serialize(ctx, o); return err }), gil.ErrHeld, "Serialize")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.Deserialize(ctx, p); return err }), gil.ErrHeld, "Deserialize")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.RunPythonUDF(ctx, o); return err }), gil.ErrHeld, "RunPythonUDF")
		require.ErrorIs(t, pythontest.Misuse(func() error { return h.HandleException(ctx, o) }), gil.ErrHeld, "HandleException")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.IsRemoteException(ctx, o); return err }), gil.ErrHeld, "IsRemoteException")
		require.ErrorIs(t, pythontest.Misuse(func() error { return h.Cleanup(ctx) }), gil.ErrHeld, "Cleanup")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := handler.New(ctx, pythontest.Runtime()); return err }), gil.ErrHeld, "New")
		require.ErrorIs(t, pythontest.Misuse(func() error { _, err := handler.Instance(ctx, pythontest.Runtime()); return err }), gil.ErrHeld, "Instance")
	})
	assert.Empty(t, ran(t))
}

func TestClosedIsFinal(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.record, ('ran',), {})")
	var o *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { o = value(t, tok, "1") })
	require.NoError(t, h.Cleanup(t.Context()))
	require.NoError(t, h.Cleanup(t.Context()), "a second time")

	ctx := t.Context()
	_, err := h.RunUDF(ctx, p)
	require.ErrorIs(t, err, handler.ErrClosed, "RunUDF")
	_, err = h.Serialize(ctx, o)
	require.ErrorIs(t, err, handler.ErrClosed, "Serialize")
	_, err = h.Deserialize(ctx, p)
	require.ErrorIs(t, err, handler.ErrClosed, "Deserialize")
	_, err = h.RunPythonUDF(ctx, o)
	require.ErrorIs(t, err, handler.ErrClosed, "RunPythonUDF")
	require.ErrorIs(t, h.HandleException(ctx, o), handler.ErrClosed, "HandleException")
	_, err = h.IsRemoteException(ctx, o)
	require.ErrorIs(t, err, handler.ErrClosed, "IsRemoteException")
	pythontest.With(t, func(tok gil.Token) {
		require.ErrorIs(t, h.HandleExceptionGILHeld(tok, o), handler.ErrClosed, "HandleExceptionGILHeld")
		_, err := h.Run(tok)
		require.ErrorIs(t, err, handler.ErrClosed, "Run")
	})
	assert.Empty(t, ran(t))
}

// TestReleasedArgumentIsNotAClosedHandler: the two are told apart.
func TestReleasedArgumentIsNotAClosedHandler(t *testing.T) {
	h := newHandler(t)
	var o *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { o = value(t, tok, "1") })
	o.Release()
	err := h.HandleException(t.Context(), o)
	require.ErrorIs(t, err, pybridge.ErrReleased)
	assert.NotErrorIs(t, err, handler.ErrClosed)
}

func TestEndedContextIsRefusedBeforePython(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.record, ('ran',), {})")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.RunUDF(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, ran(t))
}

// TestCleanupUnderLoad is what crashes torch's handler: it is cleaned up while 32 callers use it. Every
// call ends with its result or with ErrClosed, and after the first ErrClosed there are no more results.
func TestCleanupUnderLoad(t *testing.T) {
	const callers, rounds = 32, 10
	for range rounds {
		h, err := handler.New(t.Context(), pythontest.Runtime())
		require.NoError(t, err)
		p := pickled(t, h, "(u.greet, ('you',), {})")
		want, err := h.RunUDF(t.Context(), p)
		require.NoError(t, err)

		var wg sync.WaitGroup
		busy := make(chan struct{}, callers) // each caller has had a result
		for range callers {
			wg.Go(func() {
				signal := busy
				for {
					got, err := h.RunUDF(t.Context(), p)
					if err != nil {
						assert.ErrorIs(t, err, handler.ErrClosed)
						assert.NotErrorIs(t, err, pybridge.ErrReleased)
						_, err = h.RunUDF(t.Context(), p)
						assert.ErrorIs(t, err, handler.ErrClosed)
						return
					}
					assert.Equal(t, want, got)
					if signal != nil {
						signal <- struct{}{}
						signal = nil
					}
				}
			})
		}
		for range callers {
			<-busy
		}
		var closers sync.WaitGroup
		for range 3 {
			closers.Go(func() { assert.NoError(t, h.Cleanup(t.Context())) })
		}
		closers.Wait()
		wg.Wait()
	}
}

// TestStepsUnderCleanup is the same for the calls that take several crossings.
func TestStepsUnderCleanup(t *testing.T) {
	for range 10 {
		h, err := handler.New(t.Context(), pythontest.Runtime())
		require.NoError(t, err)
		p := pickled(t, h, "(u.echo, ('x',), {})")
		var wg sync.WaitGroup
		busy := make(chan struct{}, 8)
		for range cap(busy) {
			wg.Go(func() {
				for first := true; ; first = false {
					err := steps(t.Context(), h, p)
					if first {
						busy <- struct{}{}
					}
					if err != nil {
						assert.ErrorIs(t, err, handler.ErrClosed)
						return
					}
				}
			})
		}
		for range cap(busy) {
			<-busy
		}
		assert.NoError(t, h.Cleanup(t.Context()))
		wg.Wait()
	}
}

func steps(ctx context.Context, h *handler.Handler, p handler.Payload) error {
	udf, err := h.Deserialize(ctx, p)
	if err != nil {
		return err
	}
	defer udf.Release()
	result, err := h.RunPythonUDF(ctx, udf)
	if err != nil {
		return err
	}
	defer result.Release()
	is, err := h.IsRemoteException(ctx, result)
	out, err2 := h.Serialize(ctx, result)
	out.Release()
	if is {
		return errors.New("not a remote exception")
	}
	return errors.Join(err, err2, h.HandleException(ctx, result))
}
