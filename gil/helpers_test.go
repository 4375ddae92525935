package gil_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

var background = context.Background()

// acquire expects to get the GIL.
func acquire(t *testing.T) *gil.Guard {
	t.Helper()
	g, err := gil.Acquire(background)
	require.NoError(t, err)
	return g
}

// use is an operation that needs the GIL.
func use(tok gil.Token) error {
	tok.Assert()
	o, err := pythontest.Runtime().Import(tok, "sys")
	o.Release()
	return err
}

// function defines a Python function f for CallBytes, which lives as long as the test.
func function(t *testing.T, source string) cpython.Ref {
	t.Helper()
	var fn cpython.Ref
	pythontest.With(t, func(tok gil.Token) {
		p, err := pythontest.Define(t, tok, source, "f").Pointer(tok)
		require.NoError(t, err)
		fn = cpython.Ref(p)
	})
	return fn
}

// exhaust takes every permit but the caller's own, until the test ends or the result is called. A
// caller that holds the GIL must have waited for [quiet]: somebody inside could wait for it.
func exhaust(t *testing.T, own int) (giveBack func()) {
	t.Helper()
	var held []*gate.Permit
	giveBack = func() {
		for _, p := range held {
			p.Leave()
		}
		held = nil
	}
	t.Cleanup(giveBack)
	for range gil.Stats().Permits - own {
		p, err := gate.Process.Enter(background, "exhaust")
		require.NoError(t, err)
		held = append(held, p)
	}
	return giveBack
}

// quiet waits until nobody is inside: a caller returns before the carrier of its call has left, and
// the janitor comes when it likes.
func quiet(t *testing.T) {
	t.Helper()
	pythontest.Until(t, "nobody is inside", func() bool {
		s := gil.Stats()
		return s.Pending == 0 && s.Inside+s.Away+s.Abandoned+s.Queue == 0
	})
}

// elsewhere runs f on another goroutine, which is on another OS thread when this one is locked.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// callBytes is gil.CallBytes with its outcome as a result.
func callBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (out gil.Outcome, err error) {
	err = gil.CallBytes(ctx, fn, payload, extra, &out)
	return out, err
}
