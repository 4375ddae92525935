package deferred_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

func dict(t *testing.T) cpython.Ref {
	t.Helper()
	r, err := cpython.NewDict()
	require.NoError(t, err)
	return r
}

// TestOnlyWhoCannotDrainWakesADrainer: a holder of the GIL drains the queue before it gives the GIL back, so that another
// thread woken for it would only be in the way.
func TestOnlyWhoCannotDrainWakesADrainer(t *testing.T) {
	var woken atomic.Int32
	cpython.OnPending(func() { woken.Add(1) }) // with the GIL held, or by nobody but this test
	t.Cleanup(func() { cpython.OnPending(deferred.WakeJanitor) })
	runtime.LockOSThread()
	require.NoError(t, cpython.Enter(0))
	defer runtime.UnlockOSThread()
	defer func() { require.NoError(t, cpython.Detach()) }()
	_, err := cpython.DrainPending(0)
	require.NoError(t, err)
	give := func() { cpython.ReleaseLater(dict(t)) }

	for range 3 {
		give()
	}
	assert.Zero(t, woken.Load(), "held")
	one, another := dict(t), dict(t)
	other := make(chan struct{})
	go func() {
		defer close(other)
		cpython.ReleaseLater(one)
		cpython.ReleaseLater(another)
	}()
	<-other
	assert.EqualValues(t, 1, woken.Load(), "not held there, and once is enough")
	assert.Equal(t, 5, cpython.Pending())

	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
	give()
	s, err := cpython.Suspend()
	require.NoError(t, err)
	assert.EqualValues(t, 1, woken.Load())
	cpython.ReleaseLater(cpython.Ref(nil))
	assert.EqualValues(t, 2, woken.Load(), "given up meanwhile")
	cpython.Resume(s)

	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
	give()
	give()
	assert.EqualValues(t, 2, woken.Load())
	n, err := cpython.DrainPending(1)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.EqualValues(t, 3, woken.Load(), "the rest is left to others")
	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
}

// TestPlainAttachLeavesTheQueueToOthers, who are told.
func TestPlainAttachLeavesTheQueueToOthers(t *testing.T) {
	var woken atomic.Int32
	cpython.OnPending(func() { woken.Add(1) })
	t.Cleanup(func() { cpython.OnPending(deferred.WakeJanitor) })
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, cpython.Attach(0))
	defer func() { require.NoError(t, cpython.Detach()) }()
	_, err := cpython.DrainPending(0)
	require.NoError(t, err)
	cpython.ReleaseLater(dict(t))
	assert.EqualValues(t, 1, woken.Load())
	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
}
