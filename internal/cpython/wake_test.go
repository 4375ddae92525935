package cpython_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

// TestOnlyWhoCannotDrainWakesADrainer: whoever holds the GIL drains the queue before it gives it back, so that another
// thread woken for it would only be in the way.
func TestOnlyWhoCannotDrainWakesADrainer(t *testing.T) {
	var woken int
	cpython.OnPending(func() { woken++ }) // with the GIL held, or by nobody but this test
	t.Cleanup(func() { cpython.OnPending(gil.WakeJanitor) })
	runtime.LockOSThread()
	require.NoError(t, cpython.Enter(0))
	t.Cleanup(func() {
		require.NoError(t, cpython.Detach())
		runtime.UnlockOSThread()
	})
	_, err := cpython.DrainPending(0)
	require.NoError(t, err)
	give := func() { cpython.ReleaseLater(must(t)(cpython.NewDict())) }

	for range 3 {
		give()
	}
	assert.Zero(t, woken, "held")
	one, another := must(t)(cpython.NewDict()), must(t)(cpython.NewDict())
	other := make(chan struct{})
	go func() {
		defer close(other)
		cpython.ReleaseLater(one)
		cpython.ReleaseLater(another)
	}()
	<-other
	assert.Equal(t, 1, woken, "not held there, and once is enough")
	assert.Equal(t, 5, cpython.Pending())

	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
	give()
	s, err := cpython.Suspend()
	require.NoError(t, err)
	assert.Equal(t, 1, woken)
	cpython.ReleaseLater(cpython.Ref(nil))
	assert.Equal(t, 2, woken, "given up meanwhile")
	cpython.Resume(s)

	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
	give()
	give()
	assert.Equal(t, 2, woken)
	n, err := cpython.DrainPending(1)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, 3, woken, "the rest is left to others")
	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
}

// TestPlainAttachLeavesTheQueueToOthers, who are told.
func TestPlainAttachLeavesTheQueueToOthers(t *testing.T) {
	var woken int
	cpython.OnPending(func() { woken++ })
	t.Cleanup(func() { cpython.OnPending(gil.WakeJanitor) })
	attached(t)
	_, err := cpython.DrainPending(0)
	require.NoError(t, err)
	cpython.ReleaseLater(must(t)(cpython.NewDict()))
	assert.Equal(t, 1, woken)
	_, err = cpython.DrainPending(0)
	require.NoError(t, err)
}
