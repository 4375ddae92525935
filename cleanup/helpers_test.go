package cleanup_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

// journal notes which steps ran, in order.
type journal struct {
	mu    sync.Mutex
	names []string
}

func (j *journal) note(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names = append(j.names, name)
}

func (j *journal) step(name string) func(context.Context) error {
	return func(context.Context) error {
		j.note(name)
		return nil
	}
}

func nop(context.Context) error { return nil }

func register(t testing.TB, r *cleanup.Registry, p cleanup.Phase, name string, fn func(context.Context) error) {
	t.Helper()
	require.NoError(t, r.Register(p, name, fn))
}

// outcomes maps each step's name to its outcome.
func outcomes(r cleanup.Report) map[string]cleanup.Outcome {
	m := make(map[string]cleanup.Outcome)
	for _, s := range r.Steps {
		m[s.Name] = s.Outcome
	}
	return m
}

// assertClean checks that every step released what it held and nothing was left.
func assertClean(t testing.TB, r cleanup.Report) {
	t.Helper()
	assert.Empty(t, r.Leaked, "leaked")
	assert.Empty(t, r.Late, "late")
	for _, s := range r.Steps {
		assert.Equal(t, cleanup.OutcomeReleased, s.Outcome, "%s: %s: %v", s.Phase, s.Name, s.Err)
	}
}
