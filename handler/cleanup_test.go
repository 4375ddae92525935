package handler_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// setHook makes f what udfs.hook is, until the test ends.
func setHook(t testing.TB, f func(ctx context.Context) error) {
	t.Helper()
	set := func(tok gil.Token, v any) { require.NoError(t, value(t, tok, "u").SetAttr(tok, "hook", v)) }
	pythontest.With(t, func(tok gil.Token) {
		fn, err := pybridge.NewFunc(tok, context.Background(), "hook", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			return "hooked", f(ctx)
		})
		require.NoError(t, err)
		defer fn.Release()
		set(tok, fn)
	})
	t.Cleanup(func() { pythontest.With(t, func(tok gil.Token) { set(tok, nil) }) })
}

// door is a Go function that Python waits in.
type door struct{ entered, leave chan struct{} }

func newDoor() door { return door{make(chan struct{}, 1), make(chan struct{})} }

func (d door) pass(context.Context) error {
	d.entered <- struct{}{}
	<-d.leave
	return nil
}

// outcome is how a call on another goroutine ended.
type outcome struct {
	payload handler.Payload
	err     error
}

func start(ctx context.Context, h *handler.Handler, p handler.Payload) <-chan outcome {
	end := make(chan outcome, 1)
	go func() {
		out, err := h.RunUDF(ctx, p)
		end <- outcome{out, err}
	}()
	return end
}

// refused waits until the handler is closed.
func refused(t testing.TB, h *handler.Handler, p handler.Payload) {
	t.Helper()
	for {
		if _, err := h.RunUDF(t.Context(), p); err != nil {
			require.ErrorIs(t, err, handler.ErrClosed)
			return
		}
	}
}

func TestCleanupWaitsForCallsInProgress(t *testing.T) {
	d := newDoor()
	setHook(t, d.pass)
	h := newHandler(t)
	small := pickled(t, h, "(u.echo, (), {})")
	inside := start(t.Context(), h, pickled(t, h, "(u.call_hook, (), {})"))
	<-d.entered

	closed := make(chan error, 2)
	for range cap(closed) {
		go func() { closed <- h.Cleanup(t.Context()) }()
	}
	refused(t, h, small)
	assert.Empty(t, closed, "the call is still in progress")
	close(d.leave)
	for range cap(closed) {
		require.NoError(t, <-closed)
	}
	got := <-inside
	require.NoError(t, got.err)
	assert.Contains(t, string(got.payload.Data), "hooked")
}

// TestCleanupThatIsLate leaves a call in progress to itself: the call still ends as it should.
func TestCleanupThatIsLate(t *testing.T) {
	d := newDoor()
	setHook(t, d.pass)
	before := pybridge.Owned()
	h, err := handler.New(t.Context(), pythontest.Runtime())
	require.NoError(t, err)
	inside := start(t.Context(), h, pickled(t, h, "(u.call_hook, (), {})"))
	<-d.entered

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = h.Cleanup(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "calls in progress")
	close(d.leave)
	got := <-inside
	require.NoError(t, got.err)
	assert.Contains(t, string(got.payload.Data), "hooked")
	require.NoError(t, h.Cleanup(t.Context()))
	assert.LessOrEqual(t, pybridge.Owned(), before+1, "the payload's objects are the test's")
}

// held takes the GIL on another goroutine, and gives what lets it go.
func held(t testing.TB) (free func()) {
	t.Helper()
	taken, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, gil.With(context.Background(), func(gil.Token) error {
			close(taken)
			<-leave
			return nil
		}))
	})
	<-taken
	return func() {
		close(leave)
		wg.Wait()
	}
}

// TestCleanupThatIsLateRefusesWhoWaits has a call that was let in, and waits for the GIL while the
// references go: it gets ErrClosed, and not what the bridge calls it.
func TestCleanupThatIsLateRefusesWhoWaits(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.echo, (), {})")
	free := held(t)
	end := make(chan error, 1)
	go func() {
		o, err := h.Deserialize(gil.WithLabel(t.Context(), t.Name()), p)
		o.Release()
		end <- err
	}()
	pythontest.Until(t, "the call waits for the GIL", func() bool { return pythontest.IsInside(t.Name()) })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.Cleanup(ctx), context.Canceled)
	free()
	err := <-end
	require.ErrorIs(t, err, handler.ErrClosed)
	assert.NotErrorIs(t, err, pybridge.ErrReleased)
}

// TestCleanupInsideUDF is called by a UDF, by way of Go. It cannot wait for its own caller; that one,
// and another that waits for the GIL meanwhile, end as they should.
func TestCleanupInsideUDF(t *testing.T) {
	h := newHandler(t)
	d := newDoor()
	cleaned := make(chan error, 1)
	setHook(t, func(ctx context.Context) error {
		_ = d.pass(ctx)
		cleaned <- h.Cleanup(ctx)
		return nil
	})
	p := pickled(t, h, "(u.echo, (), {})")
	inside := start(t.Context(), h, pickled(t, h, "(u.call_hook, (), {})"))
	<-d.entered
	free := held(t)
	other := make(chan error, 1)
	go func() {
		o, err := h.Deserialize(gil.WithLabel(t.Context(), t.Name()), p)
		o.Release()
		other <- err
	}()
	pythontest.Until(t, "the call waits for the GIL", func() bool { return pythontest.IsInside(t.Name()) })

	close(d.leave)
	require.NoError(t, <-cleaned)
	_, err := h.RunUDF(t.Context(), p)
	require.ErrorIs(t, err, handler.ErrClosed)
	free()
	require.NoError(t, <-other, "it was in progress")
	got := <-inside
	require.NoError(t, got.err)
	assert.Contains(t, string(got.payload.Data), "hooked")
	require.NoError(t, h.Cleanup(t.Context()))
}

// TestNestedRunUDF: a UDF may call the handler that runs it.
func TestNestedRunUDF(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.record, ('inner',), {})")
	setHook(t, func(ctx context.Context) error {
		_, err := h.RunUDF(ctx, p)
		return err
	})
	assert.Equal(t, "hooked", returned[string](t, h, "(u.call_hook, (), {})"))
	assert.Equal(t, []string{"inner"}, ran(t))
}

// TestLedgerIsEmptyAfterCleanup counts the references that Go holds.
func TestLedgerIsEmptyAfterCleanup(t *testing.T) {
	before := pybridge.Owned()
	t.Run("life", func(t *testing.T) {
		h := newHandler(t)
		succeeded(t, h, "(u.greet, ('you',), {})")
		raised(t, h, "(u.refuse, (1,), {})")
		_, err := h.RunUDF(t.Context(), pickled(t, h, "(u.generator, (), {})"))
		require.ErrorIs(t, err, handler.SerializeError)
		_, err = h.RunUDF(t.Context(), handler.Payload{Data: []byte("garbage")})
		require.ErrorIs(t, err, handler.DeserializeError)
	})
	assert.Equal(t, before, pybridge.Owned(), "%v", pybridge.Leaks())
}
