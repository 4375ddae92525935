package panics_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// catch runs f on a goroutine of its own, which f may end.
func catch(f func() error) (end panics.End, returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		panics.Catch(f, func(e panics.End) { end = e })
		returned = true
	}()
	<-done
	return end, returned
}

func TestCatchSaysHowAFunctionEnded(t *testing.T) {
	end, returned := catch(func() error { return nil })
	assert.True(t, returned)
	assert.Zero(t, end)

	failed := errors.New("failed")
	end, returned = catch(func() error { return failed })
	assert.True(t, returned)
	assert.Equal(t, panics.End{Err: failed}, end)

	end, returned = catch(func() error { runtime.Goexit(); return nil })
	assert.False(t, returned, "its goroutine ends")
	assert.Equal(t, panics.End{Exited: true}, end)
}

func TestCatchKeepsThePanicAndItsStack(t *testing.T) {
	end, returned := catch(panicking)
	assert.True(t, returned)
	require.NotNil(t, end.Panic)
	assert.Equal(t, "value", end.Panic.Value)
	assert.Contains(t, end.Panic.Stack, "panics_test.panicking")
	assert.NoError(t, end.Err)
	assert.False(t, end.Exited)

	end, _ = catch(func() error { panic(nil) })
	require.NotNil(t, end.Panic, "a panic with nil is one too")
}

func panicking() error { panic("value") }

// TestPanicOfEndGoesOn: a caller may find that a panic is not to be caught.
func TestPanicOfEndGoesOn(t *testing.T) {
	assert.PanicsWithValue(t, "value", func() {
		panics.Catch(panicking, func(e panics.End) { panic(e.Panic.Value) })
	})
}
