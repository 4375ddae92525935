package gil_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestAcquireHoldsUntilRelease(t *testing.T) {
	assert.False(t, gil.Held())
	g := acquire(t)
	assert.True(t, gil.Held())
	elsewhere(func() { assert.False(t, gil.Held(), "held by another goroutine") })
	assert.NoError(t, use(g.Token()))
	require.NoError(t, g.Release())
	assert.False(t, gil.Held())
	assert.ErrorIs(t, pythontest.Misuse(func() error { return use(g.Token()) }), gil.ErrNotHeld)
}

func TestAcquireNests(t *testing.T) {
	pythontest.Quiet(t)
	outer := acquire(t)
	inside := gil.Stats().Inside
	inner := acquire(t)
	assert.Equal(t, inside, gil.Stats().Inside, "a nested guard needs no permit")
	require.NoError(t, inner.Release())
	assert.True(t, gil.Held())
	assert.NoError(t, use(outer.Token()))
	require.NoError(t, outer.Release())
	assert.False(t, gil.Held())
}

func TestNestedAcquireNeedsNoPermit(t *testing.T) {
	pythontest.Quiet(t)
	outer := acquire(t)
	giveBack := pythontest.Exhaust(t, 1)
	inner := acquire(t)
	require.NoError(t, inner.Release())
	giveBack()
	require.NoError(t, outer.Release())
}

// The permit stays with the GIL: given back early, its number would be somebody else's by the time
// that Detach looks for it.
func TestOuterGuardMayBeReleasedFirst(t *testing.T) {
	pythontest.Quiet(t)
	outer, inner := acquire(t), acquire(t)
	require.NoError(t, outer.Release())
	assert.True(t, gil.Held())
	assert.Equal(t, 1, gil.Stats().Inside, "the GIL is held, so the permit is out")
	require.NoError(t, gil.Detach(inner.Token(), func() {
		assert.Equal(t, 1, gil.Stats().Suspended)
		elsewhere(func() { assert.NoError(t, acquire(t).Release()) })
	}))
	require.NoError(t, inner.Release())
	assert.False(t, gil.Held())
	pythontest.Quiet(t)
}

func TestReleaseTwiceIsReported(t *testing.T) {
	g := acquire(t)
	require.NoError(t, g.Release())
	assert.ErrorIs(t, g.Release(), gil.ErrReleased)
	outer := acquire(t)
	assert.ErrorIs(t, g.Release(), gil.ErrReleased)
	assert.True(t, gil.Held(), "a stale guard must not take another's GIL away")
	require.NoError(t, outer.Release())
}

// After a release the goroutine is free to move to another thread.
func TestReleaseTwiceIsReportedOnAnyThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := acquire(t)
	require.NoError(t, g.Release())
	elsewhere(func() { assert.ErrorIs(t, g.Release(), gil.ErrReleased) })
}

func TestReleaseOnAnotherGoroutineIsRefused(t *testing.T) {
	g := acquire(t)
	elsewhere(func() { assert.ErrorIs(t, g.Release(), gil.ErrWrongGoroutine) })
	assert.True(t, gil.Held())
	assert.NoError(t, use(g.Token()))
	assert.NoError(t, g.Release(), "the owner still can")
}
