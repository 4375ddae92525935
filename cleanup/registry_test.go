package cleanup_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

func TestRegister_refusesNonsense(t *testing.T) {
	r := cleanup.New()
	assert.ErrorContains(t, r.Register(0, "x", nop), "phase(0) is no phase")
	assert.ErrorContains(t, r.Register(cleanup.PhaseFinalize+1, "x", nop), "is no phase")
	assert.ErrorContains(t, r.Register(cleanup.PhaseAgent, "", nop), "needs a name")
	assert.ErrorContains(t, r.Register(cleanup.PhaseAgent, "x", nil), "is nil")
}

func TestRegister_lateIsRefused(t *testing.T) {
	r := cleanup.New()
	var during error
	register(t, r, cleanup.PhaseAgent, "registers", func(context.Context) error {
		during = r.Register(cleanup.PhaseFlush, "late", nop)
		return nil
	})

	report, err := r.Run(t.Context())

	require.NoError(t, err)
	assertClean(t, report)
	assert.ErrorIs(t, during, cleanup.ErrRunning)
	assert.ErrorIs(t, r.Register(cleanup.PhaseFlush, "late", nop), cleanup.ErrDone)
}

func TestStep_cancel(t *testing.T) {
	r, j := cleanup.New(), &journal{}
	register(t, r, cleanup.PhaseHandler, "kept", j.step("kept"))
	closed, err := r.RegisterStep(cleanup.PhaseHandler, "closed early", j.step("closed early"))
	require.NoError(t, err)

	assert.True(t, closed.Cancel())
	assert.False(t, closed.Cancel(), "the second time")
	report, err := r.Run(t.Context())

	require.NoError(t, err)
	assert.Equal(t, []string{"kept"}, j.names)
	assert.Len(t, report.Steps, 1)
}

func TestStep_cancelFromAnEarlierStep(t *testing.T) {
	r, j := cleanup.New(), &journal{}
	later, err := r.RegisterStep(cleanup.PhaseHandler, "handler", j.step("handler"))
	require.NoError(t, err)
	var self *cleanup.Step
	self, err = r.RegisterStep(cleanup.PhaseAgent, "agent", func(context.Context) error {
		assert.True(t, later.Cancel())
		assert.False(t, self.Cancel(), "a step that has started")
		return nil
	})
	require.NoError(t, err)

	_, err = r.Run(t.Context())

	require.NoError(t, err)
	assert.Empty(t, j.names)
	assert.False(t, self.Cancel(), "a step that ran")
}

func TestPhase_names(t *testing.T) {
	assert.Equal(t, "finalize", cleanup.PhaseFinalize.String())
	assert.Equal(t, "phase(0)", cleanup.Phase(0).String())
	assert.Equal(t, "phase(99)", cleanup.Phase(99).String())
}
