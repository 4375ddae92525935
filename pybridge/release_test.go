package pybridge_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestReleaseManyTimesFromManyGoroutines(t *testing.T) {
	before := pybridge.Owned()
	var o *pybridge.Object
	var count func(tok gil.Token) int
	pythontest.With(t, func(tok gil.Token) {
		o = call(t, tok, pythontest.Eval(t, tok, "object"))
		other, err := o.Clone(tok)
		require.NoError(t, err)
		t.Cleanup(other.Release)
		count = func(tok gil.Token) int { return refcount(t, tok, other) }
		assert.Equal(t, 2, count(tok))
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			o.Release()
		}()
	}
	wg.Wait()
	drained(t)
	pythontest.With(t, func(tok gil.Token) {
		assert.Equal(t, 1, count(tok), "the reference was dropped once")
		_, err := o.Repr(tok)
		assert.ErrorIs(t, err, pybridge.ErrReleased)
		assert.ErrorContains(t, err, o.Label())
		_, err = o.Call(tok)
		assert.ErrorIs(t, err, pybridge.ErrReleased)
		_, err = o.Clone(tok)
		assert.ErrorIs(t, err, pybridge.ErrReleased)
	})
	_, _, err := o.CallBytes(t.Context(), nil, nil)
	assert.ErrorIs(t, err, pybridge.ErrReleased)
	assert.Equal(t, before+2, pybridge.Owned(), "the clone and its class")
	(*pybridge.Object)(nil).Release()
}

// refcount is how many references there are to o besides those of the count itself.
func refcount(t testing.TB, tok gil.Token, o *pybridge.Object) int {
	t.Helper()
	sys, err := pythontest.Runtime().Import(tok, "sys")
	require.NoError(t, err)
	defer sys.Release()
	n, err := sys.CallMethod(tok, "getrefcount", o)
	require.NoError(t, err)
	defer n.Release()
	return as[int](t, tok, n) - 1 // the argument
}

func TestReleaseDuringCall(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		var callee *pybridge.Object
		release, err := pybridge.NewFunc(tok, t.Context(), "release", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			callee.Release()
			return nil, gil.With(ctx, func(tok gil.Token) error { // drops what is pending on its way out
				_, err := callee.Repr(tok)
				assert.ErrorIs(t, err, pybridge.ErrReleased)
				return nil
			})
		})
		require.NoError(t, err)
		defer release.Release()
		callee = pythontest.Define(t, tok, `
import weakref
class Callee:
    def __call__(self, release):
        alive = weakref.ref(self)
        del self
        release()
        return alive() is not None
callee = Callee()
`, "callee")
		assert.True(t, as[bool](t, tok, call(t, tok, callee, release)), "the object went away during its own call")
	})
}

func TestManyObjectsReleasedFromRandomGoroutines(t *testing.T) {
	const total, workers = 100_000, 16
	drained(t)
	before := pybridge.Owned()
	objects := make([]*pybridge.Object, 0, total)
	pythontest.With(t, func(tok gil.Token) {
		list := pythontest.Eval(t, tok, "[object() for _ in range(1000)]")
		for range total / 1000 {
			objects = append(objects, as[[]*pybridge.Object](t, tok, list)...)
		}
		list.Release()
	})
	require.Equal(t, before+total, pybridge.Owned())
	rand.Shuffle(total, func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	var wg sync.WaitGroup
	for part := range slices.Chunk(objects, total/workers) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for _, o := range part {
				o.Release()
			}
		}()
	}
	wg.Wait()
	drained(t)
	assert.Equal(t, before, pybridge.Owned())
	assert.Zero(t, gil.Stats().Pending)
}

func TestGarbageCollectorIsTheNet(t *testing.T) {
	const lost = 100
	owned, dropped := pybridge.Owned(), pybridge.Dropped()
	pythontest.With(t, func(tok gil.Token) {
		for range lost {
			_, err := pybridge.ToPython(tok, "lost")
			require.NoError(t, err)
		}
	})
	assert.Equal(t, owned+lost, pybridge.Owned())
	for pybridge.Owned() > owned { // ends by the test's deadline if the net has a hole
		runtime.GC()
		runtime.Gosched()
	}
	assert.GreaterOrEqual(t, pybridge.Dropped(), dropped+lost)
	drained(t)
}

func TestLeaksByName(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		one := toPython(t, tok, number(1))
		two, err := one.Clone(tok)
		require.NoError(t, err)
		named := func(leaks []cleanup.Leak) (n int) {
			for _, leak := range leaks { // in debug builds one for each stack
				if leak.Name == "converted pybridge_test.number" {
					n += leak.Count
				}
			}
			return n
		}
		assert.Equal(t, 2, named(pybridge.Leaks()))
		two.Release()
		assert.Equal(t, 1, named(pybridge.Leaks()))
		one.Release()
		assert.Zero(t, named(pybridge.Leaks()))
	})
}

func TestPointers(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o := call(t, tok, pythontest.Eval(t, tok, "object"))
		require.Equal(t, 1, refcount(t, tok, o))
		p, err := o.Pointer(tok)
		require.NoError(t, err)
		assert.NotNil(t, p)
		assert.Equal(t, 1, refcount(t, tok, o), "a pointer is no reference")

		borrowed, err := pybridge.Borrow(tok, p, "borrowed")
		require.NoError(t, err)
		defer borrowed.Release()
		assert.Equal(t, 2, refcount(t, tok, o), "borrowing takes a reference of its own")
		assert.Equal(t, "borrowed", borrowed.Label())

		// Py_IncRef by hand makes the reference that Steal takes over.
		call(t, tok, pythontest.Define(t, tok, "import ctypes\ndef take(o): ctypes.pythonapi.Py_IncRef(ctypes.py_object(o))", "take"), o)
		assert.Equal(t, 3, refcount(t, tok, o))
		stolen, err := pybridge.Steal(tok, p, "stolen")
		require.NoError(t, err)
		defer stolen.Release()
		assert.Equal(t, 3, refcount(t, tok, o), "stealing takes over the caller's")
		same := pythontest.Define(t, tok, "def same(a, b, c): return a is b is c", "same")
		assert.True(t, as[bool](t, tok, call(t, tok, same, o, borrowed, stolen)))

		_, err = pybridge.Steal(tok, nil, "nothing")
		assert.Error(t, err)
		_, err = pybridge.Borrow(tok, nil, "nothing")
		assert.Error(t, err)
	})
}
