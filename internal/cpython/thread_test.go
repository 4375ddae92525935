package cpython_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// The address of a dead thread's storage comes again; its number must not.
func TestThreadIDsAreNeverUsedAgain(t *testing.T) {
	seen := map[uintptr]bool{}
	for range 200 {
		id := make(chan uintptr)
		go func() {
			runtime.LockOSThread() // for ever: the thread ends too
			id <- cpython.ThreadID()
		}()
		got := <-id
		assert.False(t, seen[got])
		seen[got] = true
	}
}

func TestAttachNests(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	assert.ErrorIs(t, cpython.Detach(), cpython.ErrNotHeld)
	require.NoError(t, cpython.Attach(7))
	require.NoError(t, cpython.Attach(9))
	assert.Equal(t, 7, cpython.Permit(), "the outermost attach decides")
	require.NoError(t, cpython.Detach())
	assert.True(t, cpython.Held())
	require.NoError(t, cpython.Detach())
	assert.False(t, cpython.Held())
	assert.Zero(t, cpython.Permit())
}

func TestSuspendPutsNestingAside(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := cpython.Suspend()
	require.ErrorIs(t, err, cpython.ErrNotHeld)
	require.NoError(t, cpython.Attach(7))
	require.NoError(t, cpython.Attach(0))
	s, err := cpython.Suspend()
	require.NoError(t, err)
	assert.Equal(t, 7, s.Permit())
	assert.False(t, cpython.Held())
	require.NoError(t, cpython.Attach(8))
	assert.Equal(t, 8, cpython.Permit())
	require.NoError(t, cpython.Detach())
	cpython.Resume(s)
	assert.Equal(t, 7, cpython.Permit())
	require.NoError(t, cpython.Detach())
	require.NoError(t, cpython.Detach())
	assert.False(t, cpython.Held())
}

func TestOperationsNeedGIL(t *testing.T) {
	o := cpython.None()
	for name, f := range map[string]func() error{
		"Import":       func() error { _, err := cpython.Import("sys"); return err },
		"IncRef":       func() error { _, err := cpython.IncRef(o); return err },
		"DecRef":       func() error { return cpython.DecRef(o) },
		"Repr":         func() error { _, err := cpython.Repr(o); return err },
		"Call":         func() error { _, err := cpython.Call(o, o, nil); return err },
		"GetBuffer":    func() error { _, err := cpython.GetBuffer(o); return err },
		"AsInt":        func() error { _, _, err := cpython.AsInt(o); return err },
		"AsFloat":      func() error { _, err := cpython.AsFloat(o); return err },
		"AsString":     func() error { _, err := cpython.AsString(o); return err },
		"FromString":   func() error { _, err := cpython.FromString("x"); return err },
		"NewTuple":     func() error { _, err := cpython.NewTuple(1); return err },
		"SetException": func() error { return cpython.SetException(o) },
		"NewCallback":  func() error { _, err := cpython.NewCallback("f", "", nil, nil); return err },
	} {
		assert.ErrorIs(t, f(), cpython.ErrNotHeld, name)
	}
	assert.Zero(t, cpython.Callbacks())
}
