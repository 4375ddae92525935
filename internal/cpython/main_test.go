package cpython_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

// attached holds the GIL until the test ends or the result is called. It passes the gate by.
func attached(t *testing.T) (detach func()) {
	t.Helper()
	runtime.LockOSThread()
	require.NoError(t, cpython.Attach(0))
	held := true
	detach = func() {
		if held {
			held = false
			require.NoError(t, cpython.Detach())
			runtime.UnlockOSThread()
		}
	}
	t.Cleanup(detach)
	return detach
}

// must gives the reference of an operation that succeeds.
func must(t *testing.T) func(cpython.Ref, error) cpython.Ref {
	return func(r cpython.Ref, err error) cpython.Ref {
		t.Helper()
		require.NoError(t, err)
		return r
	}
}
