package gil_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestDetachLetsOthersIn(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		require.NoError(t, gil.Detach(tok, func() {
			assert.False(t, gil.Held())
			assert.ErrorIs(t, pythontest.Misuse(func() error { return use(tok) }), gil.ErrNotHeld)
			elsewhere(func() { assert.NoError(t, gil.With(background, use)) })
		}))
		assert.True(t, gil.Held())
		assert.NoError(t, use(tok))
	})
}

func TestDetachedThreadIsKnown(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.False(t, cpython.Suspended())
		require.NoError(t, gil.Detach(tok, func() {
			assert.True(t, cpython.Suspended())
			elsewhere(func() { assert.False(t, cpython.Suspended()) })
		}))
		assert.False(t, cpython.Suspended())
	})
}

func TestDetachUndoesNesting(t *testing.T) {
	outer, inner := acquire(t), acquire(t)
	require.NoError(t, gil.Detach(inner.Token(), func() {
		elsewhere(func() { assert.NoError(t, gil.With(background, use)) })
	}))
	require.NoError(t, inner.Release())
	assert.NoError(t, use(outer.Token()), "the nesting is back")
	require.NoError(t, outer.Release())
}

func TestDetachGivesPermitUp(t *testing.T) {
	pythontest.Quiet(t)
	pythontest.With(t, func(tok gil.Token) {
		assert.Equal(t, [2]int{1, 0}, insideAndSuspended())
		require.NoError(t, gil.Detach(tok, func() {
			assert.Equal(t, [2]int{0, 1}, insideAndSuspended())
			assert.NoError(t, gil.With(background, func(gil.Token) error {
				assert.Equal(t, [2]int{1, 1}, insideAndSuspended())
				return nil
			}), "the same goroutine may enter anew")
		}))
		assert.Equal(t, [2]int{1, 0}, insideAndSuspended())
	})
	pythontest.Quiet(t)
}

// Each level waits for the next, far beyond the permits.
func TestDetachedCallsMayNestDeeperThanPermits(t *testing.T) {
	var descend func(depth int)
	descend = func(depth int) {
		assert.NoError(t, gil.With(background, func(tok gil.Token) error {
			if depth == 0 {
				return use(tok)
			}
			return gil.Detach(tok, func() { elsewhere(func() { descend(depth - 1) }) })
		}))
	}
	descend(gil.Stats().Permits + 20)
}

func TestDetachTakesBackWhenPanicking(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.PanicsWithValue(t, "boom", func() { _ = gil.Detach(tok, func() { panic("boom") }) })
		assert.NoError(t, use(tok))
	})
}

func TestDetachTakesBackWhenGoroutineEnds(t *testing.T) {
	elsewhere(func() {
		_ = gil.With(background, func(tok gil.Token) error { return gil.Detach(tok, runtime.Goexit) })
	})
	pythontest.Quiet(t)
	assert.NoError(t, gil.With(background, use))
}

func insideAndSuspended() [2]int {
	s := gil.Stats()
	return [2]int{s.Inside, s.Suspended}
}
