package transport

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A body arrives as it was, however it is cut into frames, and never as more than was announced.
func FuzzFrameAssembly(f *testing.F) {
	f.Add([]byte("hello"), uint64(2), uint64(3), 2)
	f.Fuzz(func(t *testing.T, b []byte, s1, s2 uint64, cut int) {
		sizes := []uint64{s1, s2}
		total, err := bodySize(sizes, 1<<20)
		if err != nil {
			return
		}
		a := newAssembly(sizes, total)
		require.NoError(t, a.add(nil))
		given := 0
		for part := range slices.Chunk(b, max(cut, 1)) {
			if err := a.add([][]byte{part}); err != nil {
				require.Greater(t, int64(given+len(part)), total)
				return
			}
			given += len(part)
		}
		require.Equal(t, int64(given) == total, a.complete())
		if a.complete() {
			require.Equal(t, b, append(append([]byte{}, a.body[0]...), a.body[1]...))
		}
	})
}

func TestCursor_takesEverythingOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var body Body
		for range rng.IntN(5) {
			seg := make([]byte, rng.IntN(10))
			for i := range seg {
				seg[i] = byte(rng.Uint32())
			}
			body = append(body, seg)
		}
		c := cursor{rest: body}
		var got []byte
		for parts := c.take(3); len(parts) > 0; parts = c.take(1 + rng.Int64N(4)) {
			got = append(got, bytes.Join(parts, nil)...)
		}
		assert.True(t, bytes.Equal(bytes.Join(body, nil), got))
	}
}

func TestBuffersAreUsedAgain(t *testing.T) {
	for _, n := range []int64{shareFrom, shareFrom + 1, 1 << 20} {
		b := newBuffer(n)
		assert.Len(t, b.bytes, int(n))
		b.Free()
		b.Free()
		again, other := newBuffer(n), newBuffer(n)
		again.bytes[0], other.bytes[0] = 1, 2
		assert.Equal(t, byte(1), again.bytes[0], "two have the same memory")
	}
}
