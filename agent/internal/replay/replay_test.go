package replay_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/replay"
)

func TestWindow_eachOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var w replay.Window
	for _, n := range rng.Perm(3000) {
		assert.True(t, w.Spend(uint64(n)+1))
		assert.False(t, w.Spend(uint64(n)+1))
	}
	assert.Equal(t, 1, w.Runs(), "all of them are one run")
	for n := range uint64(3001) {
		assert.False(t, w.Spend(n))
	}
	assert.True(t, w.Spend(math.MaxUint64))
	assert.False(t, w.Spend(math.MaxUint64))
	assert.True(t, w.Spend(math.MaxUint64-1))
	assert.Equal(t, 2, w.Runs())
	assert.True(t, w.Spend(3001))
	assert.Equal(t, 2, w.Runs())
}

// Numbers that leave gap after gap cost the oldest gap, and none comes back. Beyond its bound a window moves all of its runs for
// each number, which the race detector follows byte by byte: so it is not far beyond.
func TestWindow_isBounded(t *testing.T) {
	const more = 200
	const top = 2 * (replay.MaxRuns + more)
	var w replay.Window
	for n := uint64(2); n <= top; n += 2 {
		require.True(t, w.Spend(n))
	}
	assert.Equal(t, replay.MaxRuns, w.Runs())
	assert.False(t, w.Spend(3), "of the oldest")
	assert.False(t, w.Spend(2*more+1), "of the last that was given up")
	assert.True(t, w.Spend(2*more+3), "of the oldest that was not")
	assert.True(t, w.Spend(top-1), "of the youngest")
	for n := uint64(2); n <= top; n += 2 {
		require.False(t, w.Spend(n))
	}

	w = replay.Window{}
	for n := uint64(4 * more); n <= top; n += 2 {
		w.Spend(n)
	}
	for n := uint64(4*more - 2); n > 0; n -= 2 { // downwards
		w.Spend(n)
		require.LessOrEqual(t, w.Runs(), replay.MaxRuns)
	}
	assert.Equal(t, replay.MaxRuns, w.Runs())
}

// Whatever comes in whatever order, no number is good twice, and as many runs are kept as there are.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4})
	f.Add([]byte{9, 7, 5, 3, 1, 2, 4, 6, 8, 9, 0})
	f.Add([]byte{255, 0, 254, 1, 253, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		var w replay.Window
		spent := map[uint64]bool{}
		for _, b := range in {
			n := uint64(b)
			if b >= 200 {
				n = math.MaxUint64 - uint64(255-b)
			}
			require.Equal(t, n != 0 && !spent[n], w.Spend(n), "%d in %v", n, in)
			if n != 0 {
				spent[n] = true
			}
			runs := 0
			for n := range spent {
				if !spent[n-1] { // 0 is not spent, and what is below it neither
					runs++
				}
			}
			require.Equal(t, runs, w.Runs(), "%v", in)
		}
	})
}
