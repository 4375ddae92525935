package cpython_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func init() { pythontest.Register("release after closing", releaseAfterClosing) }

// references is sys.getrefcount(o), less the call's own.
func references(t *testing.T, o cpython.Ref) int64 {
	t.Helper()
	sys := must(t)(cpython.Import("sys"))
	count := must(t)(cpython.GetAttr(sys, "getrefcount"))
	args := must(t)(cpython.NewTuple(1))
	require.NoError(t, cpython.SetTupleItem(args, 0, must(t)(cpython.IncRef(o))))
	n, _, err := cpython.AsInt(must(t)(cpython.Call(count, args, nil)))
	require.NoError(t, err)
	for _, r := range []cpython.Ref{sys, count, args} {
		require.NoError(t, cpython.DecRef(r))
	}
	return n
}

// Nobody else drains meanwhile: that takes the GIL.
func TestReleaseFromManyGoroutines_hammer(t *testing.T) {
	const goroutines, each = 64, 100
	attached(t)
	_, err := cpython.DrainPending(0)
	require.NoError(t, err)
	o := must(t)(cpython.NewDict())
	before := references(t, o)
	for range goroutines * each {
		must(t)(cpython.IncRef(o))
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				cpython.ReleaseLater(o)
			}
			_, err := cpython.DrainPending(0)
			assert.ErrorIs(t, err, cpython.ErrNotHeld)
		}()
	}
	wg.Wait()
	assert.Equal(t, goroutines*each, cpython.Pending())

	n, err := cpython.DrainPending(1000)
	require.NoError(t, err)
	assert.Equal(t, 1000, n)
	assert.Equal(t, goroutines*each-1000, cpython.Pending())
	n, err = cpython.DrainPending(0)
	require.NoError(t, err)
	assert.Equal(t, goroutines*each-1000, n)
	assert.Zero(t, cpython.Pending())
	assert.Equal(t, before, references(t, o))
	require.NoError(t, cpython.DecRef(o))
}

func TestDrainOfEmptyQueueNeedsNothing(t *testing.T) {
	pythontest.Until(t, "the queue is empty", func() bool { return cpython.Pending() == 0 })
	n, err := cpython.DrainPending(0)
	assert.NoError(t, err)
	assert.Zero(t, n)
}

func releaseAfterClosing() int {
	if _, err := pythontest.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	runtime.LockOSThread()
	if err := cpython.Attach(0); err != nil {
		fmt.Println(err)
		return 1
	}
	o, _ := cpython.NewDict()
	cpython.ReleaseLater(o)
	queued := cpython.Pending()
	_ = cpython.Detach()
	cpython.Forbid()
	forgotten := cpython.Pending()
	cpython.ReleaseLater(o)
	fmt.Print(queued, forgotten, cpython.Pending(), cpython.Attach(0))
	return 0
}

func TestClosedQueueIgnores(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "release after closing")
	assert.Zero(t, code, stderr)
	assert.Equal(t, "1 0 0 "+cpython.ErrClosed.Error(), stdout)
}
