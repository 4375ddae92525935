package gate_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// ticks is more than enough for a holder to count as overstaying.
const ticks = 3 * gate.DefaultTick

// caller is a goroutine that entered or wants to.
type caller struct {
	entered chan *gate.Permit
	failed  chan error
}

// arrive starts a caller, and returns when it is in, refused or in the queue.
func arrive(ctx context.Context, g *gate.Gate, label string) caller {
	c := caller{make(chan *gate.Permit, 1), make(chan error, 1)}
	go func() {
		if p, err := g.Enter(ctx, label); err != nil {
			c.failed <- err
		} else {
			c.entered <- p
		}
	}()
	synctest.Wait()
	return c
}

// in expects that the caller got in.
func (c caller) in(t *testing.T) *gate.Permit {
	t.Helper()
	synctest.Wait()
	select {
	case p := <-c.entered:
		return p
	case err := <-c.failed:
		require.NoError(t, err)
	default:
		require.Fail(t, "still waiting")
	}
	return nil
}

// refused expects that the caller was refused.
func (c caller) refused(t *testing.T) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-c.failed:
		return err
	case p := <-c.entered:
		p.Leave()
		require.Fail(t, "got in")
	default:
		require.Fail(t, "still waiting")
	}
	return nil
}

// waits reports whether the caller is still in the queue.
func (c caller) waits() bool {
	synctest.Wait()
	return len(c.entered) == 0 && len(c.failed) == 0
}
