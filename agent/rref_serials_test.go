package agent

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSerials_eachOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s serials
	for _, n := range rng.Perm(3000) {
		assert.True(t, s.spend(uint64(n)+1))
		assert.False(t, s.spend(uint64(n)+1))
	}
	assert.Equal(t, []run{{1, 3000}}, s.runs, "all of them are one run")
	for n := range uint64(3000) {
		assert.False(t, s.spend(n))
	}
	assert.True(t, s.spend(math.MaxUint64))
	assert.False(t, s.spend(math.MaxUint64))
	assert.True(t, s.spend(math.MaxUint64-1))
	assert.Equal(t, []run{{1, 3000}, {math.MaxUint64 - 1, math.MaxUint64}}, s.runs)
}

// Who leaves gap after gap loses the oldest, and never gets one back.
func TestSerials_areBounded(t *testing.T) {
	var s serials
	for n := uint64(2); n <= 6*maxSerialRuns; n += 2 {
		require.True(t, s.spend(n))
	}
	assert.Len(t, s.runs, maxSerialRuns)
	assert.False(t, s.spend(3), "of the oldest")
	assert.True(t, s.spend(6*maxSerialRuns-1), "of the youngest")
	for n := uint64(2); n <= 6*maxSerialRuns; n += 2 {
		require.False(t, s.spend(n))
	}
	s = serials{}
	for n := uint64(6 * maxSerialRuns); n > 0; n -= 2 { // downwards
		s.spend(n)
		require.LessOrEqual(t, len(s.runs), maxSerialRuns)
	}
}

// Whatever comes in whatever order, no serial is good twice, and the runs stay in order.
func FuzzSerials(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4})
	f.Add([]byte{9, 7, 5, 3, 1, 2, 4, 6, 8, 9, 0})
	f.Add([]byte{255, 0, 254, 1, 253, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		var s serials
		spent := map[uint64]bool{0: true}
		for _, b := range in {
			n := uint64(b)
			if b >= 200 {
				n = math.MaxUint64 - uint64(255-b)
			}
			require.Equal(t, !spent[n], s.spend(n), "%d in %v", n, s.runs)
			spent[n] = true
			for i, r := range s.runs {
				require.LessOrEqual(t, r.first, r.last)
				require.True(t, i == 0 || s.runs[i-1].last+1 < r.first, "%v", s.runs)
			}
		}
	})
}
