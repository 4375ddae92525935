package gil_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestWithPassesError(t *testing.T) {
	errMine := errors.New("mine")
	assert.Equal(t, errMine, gil.With(background, func(gil.Token) error { return errMine }))
	assert.NoError(t, gil.With(background, use))
}

func TestWithReleasesWhenPanicking(t *testing.T) {
	assert.PanicsWithValue(t, "boom", func() {
		_ = gil.With(background, func(gil.Token) error { panic("boom") })
	})
	assert.False(t, gil.Held())
	pythontest.Quiet(t)
}

func TestWithReleasesWhenGoroutineEnds(t *testing.T) {
	elsewhere(func() {
		_ = gil.With(background, func(gil.Token) error {
			runtime.Goexit()
			return nil
		})
	})
	pythontest.Quiet(t)
	assert.NoError(t, gil.With(background, use))
}

func TestWithNests(t *testing.T) {
	require.NoError(t, gil.With(background, func(gil.Token) error {
		err := gil.With(background, use)
		assert.True(t, gil.Held())
		return err
	}))
}

func TestTokenIsUselessAfterWith(t *testing.T) {
	var stale gil.Token
	require.NoError(t, gil.With(background, func(tok gil.Token) error {
		stale = tok
		return nil
	}))
	assert.ErrorIs(t, pythontest.Misuse(func() error { return use(stale) }), gil.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { return gil.Detach(stale, func() { assert.Fail(t, "ran") }) }), gil.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { return use(gil.Token{}) }), gil.ErrNotHeld)
}

func TestTokenIsUselessOnAnotherGoroutine(t *testing.T) {
	require.NoError(t, gil.With(background, func(tok gil.Token) error {
		elsewhere(func() {
			assert.ErrorIs(t, pythontest.Misuse(func() error { return use(tok) }), gil.ErrNotHeld)
			assert.ErrorIs(t, pythontest.Misuse(func() error { return gil.Detach(tok, func() { assert.Fail(t, "ran") }) }), gil.ErrNotHeld)
		})
		return use(tok)
	}))
}

func TestAssumeWantsGIL(t *testing.T) {
	_, err := gil.Assume(background)
	assert.ErrorIs(t, err, gil.ErrNotHeld)
	require.NoError(t, gil.With(background, func(gil.Token) error {
		tok, err := gil.Assume(background)
		require.NoError(t, err)
		return use(tok)
	}))
}

// TestEndedContextInterruptsWith interrupts what the body of With has called.
func TestEndedContextInterruptsWith(t *testing.T) {
	pythontest.DefineInterrupts(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "body"))
	go func() {
		pythontest.AwaitEntered(t)
		cancel()
	}()
	err := gil.With(ctx, func(tok gil.Token) error { return pythontest.CallInterrupts(tok, "spin") })
	require.ErrorIs(t, err, context.Canceled)
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.ErrorContains(t, interrupted.Err, "Interrupted")
	assert.Contains(t, interrupted.Stack, "in spin")
	assert.NoError(t, gil.With(background, use))
}
