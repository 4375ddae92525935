package cleanup

import (
	"context"
	"errors"
	"runtime/debug"
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
	e := ending{OutcomeExited, ErrExited} // stands if the function never comes back
	defer func() {
		if v := recover(); v != nil {
			e = ending{OutcomePanicked, &PanicError{Value: v, Stack: string(debug.Stack())}}
		}
		end <- e
	}()
	e = classify(s.fn(ctx))
}

func classify(err error) ending {
	switch {
	case err == nil:
		return ending{outcome: OutcomeReleased}
	case errors.Is(err, ErrSkipped):
		return ending{OutcomeSkipped, err}
	default:
		return ending{OutcomeFailed, err}
	}
}
