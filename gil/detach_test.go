package gil_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/pytest"
)

func TestDetachLetsOthersIn(t *testing.T) {
	pytest.With(t, func(tok gil.Token) {
		require.NoError(t, gil.Detach(tok, func() {
			assert.False(t, gil.Held())
			assert.ErrorIs(t, use(tok), gil.ErrNotHeld)
			elsewhere(func() { assert.NoError(t, gil.With(background, use)) })
		}))
		assert.True(t, gil.Held())
		assert.NoError(t, use(tok))
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
	pytest.With(t, func(tok gil.Token) {
		before := gil.Stats()
		require.NoError(t, gil.Detach(tok, func() {
			s := gil.Stats()
			assert.Equal(t, [2]int{before.Inside - 1, before.Away + 1}, [2]int{s.Inside, s.Away})
			assert.NoError(t, gil.With(background, use), "the same goroutine may enter anew")
		}))
		s := gil.Stats()
		assert.Equal(t, [2]int{before.Inside, before.Away}, [2]int{s.Inside, s.Away})
	})
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
	pytest.With(t, func(tok gil.Token) {
		assert.PanicsWithValue(t, "boom", func() { _ = gil.Detach(tok, func() { panic("boom") }) })
		assert.NoError(t, use(tok))
	})
}

func TestDetachTakesBackWhenGoroutineEnds(t *testing.T) {
	elsewhere(func() {
		_ = gil.With(background, func(tok gil.Token) error { return gil.Detach(tok, runtime.Goexit) })
	})
	s := gil.Stats()
	assert.Equal(t, [2]int{0, 0}, [2]int{s.Inside, s.Away})
	assert.NoError(t, gil.With(background, use))
}
