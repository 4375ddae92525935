package pycall_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pycall"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// together has n calls wait until all do, so that they share crossings where they can: what waits for the GIL keeps
// the others in the queue. Then it does what else there is.
func together(t *testing.T, n int, call func(i int), then ...func()) {
	t.Helper()
	pythontest.Quiet(t)
	var wg sync.WaitGroup
	pythontest.With(t, func(gil.Token) {
		for i := range n {
			wg.Go(func() { call(i) })
			pythontest.Until(t, "one more waits", func() bool {
				s := gil.Stats()
				return s.Inside+s.Queue == 1+i+1
			})
		}
		for _, f := range then {
			f()
		}
	})
	wg.Wait()
}

// TestCallsTogetherBringEachItsOwn: results of every kind and size, more than there is room for, among payloads that
// are and are not copied.
func TestCallsTogetherBringEachItsOwn(t *testing.T) {
	fn := function(t, `
def f(data):
    n, kind = int(bytes(data[:3])), int(bytes(data[3:4]))
    if kind == 0: return b"%d" % n
    if kind == 1: return b""
    if kind == 2: return (b"%03d" % n) * 600
    if kind == 3: return (b"%03d" % n) * 1000
    if kind == 4: raise ValueError(n)
    if kind == 5: return n
    if kind == 6: return b"%d %d" % (n, len(data))
`)
	const calls, kinds, long = 210, 7, 5000
	var outs [calls]cpython.Outcome
	together(t, calls, func(i int) {
		payload := fmt.Appendf(nil, "%03d%d", i, i%kinds)
		if i%kinds == 6 {
			payload = append(payload, make([]byte, long)...)
		}
		assert.NoError(t, pycall.Bytes(background, fn, payload, nil, &outs[i]))
	})
	for i, out := range outs {
		text := fmt.Sprintf("%03d", i)
		switch i % kinds {
		case 0:
			assert.Equal(t, fmt.Sprint(i), string(out.Data))
		case 1:
			assert.Equal(t, cpython.Bytes, out.What)
			assert.Empty(t, out.Data)
		case 2:
			assert.Equal(t, bytes.Repeat([]byte(text), 600), out.Data)
		case 3:
			assert.Equal(t, cpython.LentBytes, out.What)
			assert.Equal(t, bytes.Repeat([]byte(text), 1000), out.Data)
		case 4:
			assert.Equal(t, cpython.Exception, out.What)
		case 5:
			assert.Equal(t, cpython.Object, out.What)
		case 6:
			assert.Equal(t, fmt.Sprint(i, long+4), string(out.Data))
		}
		outs[i].Drop()
	}
}

// TestInterruptionAmongCallsTogether strikes the one that is meant, and ends what is before and behind it in no way.
func TestInterruptionAmongCallsTogether(t *testing.T) {
	fn := function(t, "def f(data):\n    while data == b'spin': pass\n    return data")
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "spinner"))
	defer cancel()
	ctx = gil.WaitForCompletion(ctx) // a busy machine may not interrupt it within gil.Patience
	const calls, spinner = 20, 10
	together(t, calls, func(i int) {
		var out cpython.Outcome
		if i == spinner {
			err := pycall.Bytes(ctx, fn, []byte("spin"), nil, &out)
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorContains(t, err, "spinner was interrupted")
			return
		}
		assert.NoError(t, pycall.Bytes(gil.WithLabel(background, "other"), fn, []byte("x"), nil, &out))
		assert.Equal(t, "x", string(out.Data))
		if i == spinner-1 {
			pythontest.Until(t, "it spins", func() bool { return pythontest.IsInside("spinner") })
			cancel()
		}
	})
}

// TestCallsTogetherAreCancelled before their turn: they do not run, and the others do.
func TestCallsTogetherAreCancelled(t *testing.T) {
	fn := function(t, "ran = []\ndef f(data):\n    ran.append(data)\n    return b'%d' % len(ran)")
	ctx, cancel := context.WithCancel(background)
	var left sync.WaitGroup
	const calls = 40
	left.Add(calls / 2)
	together(t, calls, func(i int) {
		var out cpython.Outcome
		if i%2 == 0 {
			assert.ErrorIs(t, pycall.Bytes(ctx, fn, []byte("cancelled"), nil, &out), context.Canceled)
			left.Done()
		} else {
			assert.NoError(t, pycall.Bytes(background, fn, []byte("x"), nil, &out))
		}
	}, cancel, left.Wait)
	out, err := callBytes(background, fn, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(calls/2+1), string(out.Data))
}

// TestEnteredIsCalledWhenEachCallBegins: at once where there is a permit, and else not before there is one.
func TestEnteredIsCalledWhenEachCallBegins(t *testing.T) {
	fn := function(t, "def f(data): return data")
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	call := func(ctx context.Context) {
		out, err := callBytes(ctx, fn, []byte("x"), nil)
		assert.NoError(t, err)
		assert.Equal(t, "x", string(out.Data))
		out.Drop()
	}
	var told atomic.Int64
	toldCtx := callcontext.WaitForCompletion(ctx, func() { told.Add(1) })
	call(toldCtx)
	assert.Equal(t, int64(1), told.Load())

	pythontest.Quiet(t)
	giveBack := pythontest.Exhaust(t, 0)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { call(toldCtx) })
		wg.Go(func() { call(gil.WaitForCompletion(ctx)) })
	}
	pythontest.Until(t, "all wait", func() bool { return gil.Stats().Queue == 6 })
	assert.Equal(t, int64(1), told.Load())
	giveBack()
	wg.Wait()
	assert.Equal(t, int64(4), told.Load())
}
