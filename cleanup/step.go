package cleanup

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// insideKey marks a step's context with the registry that runs it.
type insideKey struct{ r *Registry }

// ending is how a step's function came to an end.
type ending struct {
	outcome Outcome
	err     error
}

// execute calls the step's function and sends how it ended. It has a goroutine of its own,
// because a Goexit ends the goroutine it happens on and a stuck step never leaves it.
func (s *Step) execute(ctx context.Context, end chan<- ending) {
	panics.Catch(func() error { return s.fn(ctx) }, func(e panics.End) { end <- classify(e) })
}

func classify(e panics.End) ending {
	switch {
	case e.Panic != nil:
		return ending{OutcomePanicked, (*PanicError)(e.Panic)}
	case e.Exited:
		return ending{OutcomeExited, ErrExited}
	case e.Err == nil:
		return ending{outcome: OutcomeReleased}
	case errors.Is(e.Err, ErrSkipped):
		return ending{OutcomeSkipped, e.Err}
	default:
		return ending{OutcomeFailed, e.Err}
	}
}
