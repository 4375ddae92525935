package cleanup_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

// A step that was accepted runs once, unless Cancel said that it will not; every caller of
// Run gets the same report, whatever the order things happen in.
func TestRegistry_hammer(t *testing.T) {
	const rounds, registrars, runners = 50, 8, 4
	for round := range rounds {
		r := cleanup.New()
		var want, ran atomic.Int64
		var reports [runners]cleanup.Report
		start := make(chan struct{})
		var all sync.WaitGroup
		for g := range registrars {
			all.Add(1)
			go func() {
				defer all.Done()
				<-start
				registerMany(t, r, fmt.Sprintf("%d", g), &want, &ran)
			}()
		}
		for i := range reports {
			all.Add(1)
			go func() {
				defer all.Done()
				<-start
				var err error
				reports[i], err = r.Run(context.Background())
				assert.NoError(t, err)
			}()
		}
		close(start)
		all.Wait()

		assert.Equal(t, want.Load(), ran.Load(), "round %d", round)
		for _, report := range reports {
			assert.Equal(t, reports[0], report)
			assert.Len(t, report.Steps, int(ran.Load()))
		}
	}
}

// registerMany registers steps until it is refused, and takes every third one back.
func registerMany(t *testing.T, r *cleanup.Registry, name string, want, ran *atomic.Int64) {
	for i := range 100 {
		phase := cleanup.PhaseAgent + cleanup.Phase(i%7)
		step, err := r.RegisterStep(phase, name, func(ctx context.Context) error {
			ran.Add(1)
			cleanup.ReportReleased(ctx, name, 1)
			return nil
		})
		if err != nil {
			assert.True(t, errors.Is(err, cleanup.ErrRunning) || errors.Is(err, cleanup.ErrDone), "%v", err)
			return
		}
		want.Add(1)
		if i%3 == 0 && step.Cancel() {
			want.Add(-1)
		}
	}
}
