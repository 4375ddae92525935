package batch_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// otherJob is a job that shares no batch with those of a sharing.
type otherJob struct{}

func (otherJob) Run(*gate.Permit)            {}
func (otherJob) Interrupt() <-chan time.Time { return nil }
func (otherJob) Drop()                       {}
func (otherJob) Runner() batch.Runner        { return otherRunner{} }

type otherRunner struct{}

func (otherRunner) Add(j batch.Job) bool            { _, ok := j.(otherJob); return ok }
func (otherRunner) Run(*gate.Permit, *batch.Claims) {}
func (otherRunner) Settle(int)                      {}
func (otherRunner) Free()                           {}

// TestRefusedBatchRefusesItsOwnCallers: a caller withdraws from a queued batch, and its memory is used again for a caller of
// another one, at an index that the first batch does not have, or has for somebody else. Both batches are refused then.
func TestRefusedBatchRefusesItsOwnCallers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the pool gives the same memory again
	for _, first := range [][]string{{"A0", "A1"}, {"A0", "A1", "A2", "A3"}} {
		g := opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g.Gate, "holder")
		var shared sharing
		results := map[string]<-chan error{}
		queue := func(ctx context.Context, label string, j batch.Job, queued int) {
			results[label] = lined(t, ctx, g, label, j, queued)
		}
		leaves, leave := context.WithCancel(t.Context())
		for _, label := range first {
			ctx := t.Context()
			if label == "A1" {
				ctx = leaves
			}
			queue(ctx, label, shared.job(func(*gate.Permit) {}), len(results)+1)
		}
		for _, label := range []string{"B0", "B1", "B2"} {
			queue(t.Context(), label, otherJob{}, len(results)+1)
		}
		leave()
		require.ErrorIs(t, <-results["A1"], context.Canceled)
		delete(results, "A1")
		queue(t.Context(), "B3", otherJob{}, len(results)+1)
		drained := make(chan error, 1)
		go func() { drained <- g.Drain(context.Background()) }()
		for label, result := range results {
			select {
			case err := <-result:
				assert.Error(t, err, label)
			case <-time.After(time.Minute):
				t.Errorf("%s was never told", label)
			}
		}
		holder.Leave()
		require.NoError(t, <-drained)
	}
}
