package batch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// TestCallerIsNotifiedWhileTheNextJobRuns: callers are told in batches, which a long job must not hold up,
// whether it stays inside or is suspended.
func TestCallerIsNotifiedWhileTheNextJobRuns(t *testing.T) {
	for name, steps := range map[string]bool{"stays": false, "is suspended": true} {
		t.Run(name, func(t *testing.T) {
			g := opened(t, gate.Options{Max: 1})
			holder, err := g.Enter(t.Context(), "holder")
			require.NoError(t, err)
			quick, long, free := make(chan error, 1), make(chan error, 1), make(chan struct{})
			go func() { quick <- g.Do(t.Context(), "quick", jobFunc(func(*gate.Permit) {})) }()
			gatetest.Queued(t, g.Gate, 1)
			go func() {
				long <- g.Do(t.Context(), "long", jobFunc(func(p *gate.Permit) {
					if steps {
						p.Suspend()
						defer p.Resume()
					}
					<-free
				}))
			}()
			gatetest.Queued(t, g.Gate, 2)
			holder.Leave()
			require.NoError(t, <-quick, "told while the other runs")
			close(free)
			require.NoError(t, <-long)
		})
	}
}
