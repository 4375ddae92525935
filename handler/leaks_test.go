package handler_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/procmem"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// mostGrowth is what a process may grow in a million calls, in bytes.
const mostGrowth = 2 << 20

// TestCallsLeaveNothing makes many calls, good, raising, and refused, and looks for what is left:
// references, blocks of Python's allocator, threads. With GOPYRPC_TEST_HEAVY=1 it makes a million, and
// looks at the memory of the process too.
func TestCallsLeaveNothing(t *testing.T) {
	heavy := os.Getenv("GOPYRPC_TEST_HEAVY") == "1"
	rounds := 20_000
	if heavy {
		rounds = 1_000_000
	}
	h := newHandler(t)
	good := pickled(t, h, "(u.greet, ('you',), {})")
	bad := pickled(t, h, "(u.raise_, (ValueError('x'),), {})")
	garbage := handler.Payload{Data: []byte("\x80\x04garbage")}
	some := func(rounds int) {
		for i := range rounds {
			switch _, err := h.RunUDF(t.Context(), []handler.Payload{good, good, good, bad, garbage}[i%5]); {
			case i%5 == 4:
				assert.ErrorIs(t, err, handler.DeserializeError)
			default:
				assert.NoError(t, err)
			}
		}
	}
	callers := 4
	many := func(rounds int) {
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() { some(rounds / callers) })
		}
		wg.Wait()
	}
	many(rounds / 10) // caches fill
	owned, blocks, memory := pybridge.Owned(), allocated(t), resident(t)
	for range 10 {
		many(rounds / 10)
		t.Logf("grown by %d bytes", resident(t)-memory)
	}
	assert.Equal(t, owned, pybridge.Owned(), "references")
	assert.Less(t, allocated(t)-blocks, rounds/20, "blocks of Python's allocator: some are caches; one in each call of a kind, of which there are five, is a leak")
	s := gil.Stats()
	assert.LessOrEqual(t, s.ThreadStates, s.OSThreads)
	if heavy {
		assert.Less(t, resident(t)-memory, mostGrowth, "bytes")
	}
}

// TestReleasedAnywhere: objects made on some goroutines and released on others leave nothing.
func TestReleasedAnywhere(t *testing.T) {
	makers, each := 8, 500
	if os.Getenv("GOPYRPC_TEST_HEAVY") == "1" {
		each = 100_000 / makers
	}
	drained(t)
	owned := pybridge.Owned()
	objects := make(chan *pybridge.Object, 64)
	var releasers, wg sync.WaitGroup
	for range 8 {
		releasers.Go(func() {
			for o := range objects {
				o.Release()
				if rand.IntN(4) == 0 {
					o.Release()
				}
			}
		})
	}
	for range makers {
		wg.Go(func() {
			for range each {
				var o *pybridge.Object
				assert.NoError(t, gil.With(t.Context(), func(tok gil.Token) (err error) {
					o, err = pybridge.ToPython(tok, []any{"x", 1.5})
					return err
				}))
				objects <- o
			}
		})
	}
	wg.Wait()
	close(objects)
	releasers.Wait()
	drained(t)
	assert.Equal(t, owned, pybridge.Owned())
}

// drained takes the GIL until nothing waits to be released.
func drained(t *testing.T) {
	t.Helper()
	for gil.Stats().Pending > 0 {
		pythontest.With(t, func(gil.Token) {})
	}
}

// allocated is how many blocks Python's allocator has out, garbage collected.
func allocated(t *testing.T) (n int) {
	t.Helper()
	runtime.GC()
	drained(t)
	pythontest.With(t, func(tok gil.Token) {
		o := value(t, tok, "[__import__('gc').collect(), sys.getallocatedblocks()][1]")
		defer o.Release() // now, as it would count as left
		var err error
		n, err = pybridge.As[int](tok, o)
		require.NoError(t, err)
	})
	return n
}

// resident is how much memory the process has, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	size, err := procmem.Read()
	require.NoError(t, err)
	return size.Resident
}
