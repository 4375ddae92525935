package transport_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// A body arrives as it was, however it is cut into frames, and never as more than was announced.
func FuzzFrameAssembly(f *testing.F) {
	const most = 1 << 20
	f.Add([]byte("hello"), uint64(2), uint64(3), 2)
	f.Add([]byte("hello"), uint64(4), uint64(0), 3) // too much with the second part
	f.Add([]byte("hello"), uint64(0), uint64(3), 3) // too much after the end
	f.Add([]byte("hello"), uint64(2), uint64(4), 1) // too little
	f.Add([]byte{}, uint64(0), uint64(0), 1)
	f.Add([]byte("hello"), uint64(most-1), uint64(2), 1)
	c := newCallee(f, options{limits: func(l *transport.Limits) { l.MaxMessage = most }})
	f.Fuzz(func(t *testing.T, b []byte, s1, s2 uint64, cut int) {
		parts := slices.Collect(slices.Chunk(b, max(cut, 1)))
		r, err := c.receive(t, []uint64{s1, s2}, parts)
		if s1 > most || s2 > most-s1 {
			require.Nil(t, r, "it is larger than allowed")
			require.NoError(t, err)
			return
		}
		total, given, excess := int(s1+s2), 0, false
		for _, part := range parts {
			if excess = given+len(part) > total; excess {
				break
			}
			given += len(part)
		}
		if excess {
			require.ErrorIs(t, err, frame.ErrProtocol)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, given == total, r != nil)
		if r != nil {
			require.Equal(t, []int{int(s1), int(s2)}, []int{len(r.Body[0]), len(r.Body[1])})
			require.Equal(t, string(b[:total]), string(bytes.Join(r.Body, nil)))
		}
	})
}

// randomBody has up to four segments of less than most bytes.
func randomBody(rng *rand.Rand, most int) (body transport.Body) {
	bytes := rand.NewChaCha8([32]byte{byte(rng.Uint32())})
	for range rng.IntN(5) {
		segment := make([]byte, rng.IntN(most))
		_, _ = bytes.Read(segment)
		body = append(body, segment)
	}
	return body
}

// TestBody_arrivesInParts of all sizes, which end within its segments and beside their ends.
func TestBody_arrivesInParts(t *testing.T) {
	c := newCallee(t, options{})
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		body := randomBody(rng, 10)
		var sizes []uint64
		for _, segment := range body {
			sizes = append(sizes, uint64(len(segment)))
		}
		var parts [][]byte
		for rest := bytes.Join(body, nil); len(rest) > 0; {
			n := min(1+rng.IntN(4), len(rest))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		r, err := c.receive(t, sizes, parts)
		require.NoError(t, err)
		require.NotNil(t, r)
		requireSame(t, body, r.Body)
	}
}

// TestBody_isSentInParts: frames end within its segments and beside their ends.
func TestBody_isSentInParts(t *testing.T) {
	const chunk = 128 << 10
	a, _ := workers(t, echo, options{limits: func(l *transport.Limits) { l.Shared = -1 }})
	rng := rand.New(rand.NewPCG(1, 2))
	bodies := []transport.Body{{make([]byte, chunk), make([]byte, chunk)}, {make([]byte, chunk-1), make([]byte, 2), make([]byte, chunk)}}
	for range 20 {
		bodies = append(bodies, randomBody(rng, 3*chunk))
	}
	for _, body := range bodies {
		got, err := a.call(testContext(t), "w1", body)
		require.NoError(t, err)
		requireSame(t, body, got)
	}
}

// requireSame compares bodies, of which a difference is not to be printed.
func requireSame(t *testing.T, want, got transport.Body) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, bytes.Equal(want[i], got[i]), "segment %d", i)
	}
}

// TestBuffersAreUsedAgain, each by one body at a time, though it was freed twice.
func TestBuffersAreUsedAgain(t *testing.T) {
	c := newCallee(t, options{})
	receive := func(n uint64) *transport.Request {
		r, err := c.receive(t, []uint64{n}, [][]byte{make([]byte, n)})
		require.NoError(t, err)
		require.Len(t, r.Body[0], int(n))
		return r
	}
	const pooled = 32 << 10 // from this size on
	for _, n := range []uint64{pooled, pooled + 1, 1 << 20} {
		for range 20 { // which goroutines share what was freed is for sync.Pool to say
			r := receive(n)
			r.Memory.Free()
			r.Memory.Free()
			again, other := receive(n), receive(n)
			again.Body[0][0], other.Body[0][0] = 1, 2
			assert.Equal(t, byte(1), again.Body[0][0], "two have the same memory")
		}
	}
}
