package cleanup

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Run performs the registered steps, phase by phase, and returns what became of each. Only
// the first call does so; every other call, concurrent or later, waits for it and returns
// the same report and error.
//
// It blocks until every step has returned or was given up (see the package comment for
// how long that can be). ctx shortens the steps' time but skips none of them; its values
// reach the steps. For a caller that waits for another's run, the end of ctx ends the wait.
//
// Errors: what the steps returned, as joined [*StepError]s, a panic as a [*PanicError],
// [ErrLate], [ErrExited]; [ErrLeaked] if a step reported leaks; [ErrReentrant] (and an
// empty report) when called with the context of a step of the same run. A step that calls Run
// with some other context is not recognised; it waits for itself and becomes late.
func (r *Registry) Run(ctx context.Context) (Report, error) {
	steps, first := r.begin()
	if !first {
		return r.wait(ctx)
	}
	r.runAll(ctx, steps)
	return r.report.clone(), r.err
}

// begin closes the registration and returns the steps in the order to run them in.
func (r *Registry) begin() (steps []*Step, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != open {
		return nil, false
	}
	r.state = running
	steps, r.steps = r.steps, nil
	slices.Reverse(steps)
	slices.SortStableFunc(steps, func(a, b *Step) int { return int(a.phase - b.phase) })
	return steps, true
}

// wait is Run for everyone but the first caller.
func (r *Registry) wait(ctx context.Context) (Report, error) {
	select {
	case <-r.done: // also for a step that outlived the run
		return r.report.clone(), r.err
	default:
	}
	if ctx.Value(insideKey{r}) != nil {
		return Report{}, ErrReentrant
	}
	select {
	case <-r.done:
		return r.report.clone(), r.err
	case <-ctx.Done():
		return Report{}, fmt.Errorf("cleanup: waiting for the run in progress: %w", context.Cause(ctx))
	}
}

// runAll performs the steps and publishes the report.
func (r *Registry) runAll(ctx context.Context, steps []*Step) {
	l := &ledger{log: r.log}
	defer r.finish(l) // deferred: a logger that panics must not leave the waiting callers behind
	for _, s := range steps {
		if s.claim() {
			r.perform(ctx, s, l)
		}
	}
}

func (r *Registry) finish(l *ledger) {
	r.report, r.err = l.close()
	r.mu.Lock()
	r.state = done
	r.mu.Unlock()
	close(r.done)
}

// perform runs one step to its end, or to the end of its time, and records the outcome.
func (r *Registry) perform(ctx context.Context, s *Step, l *ledger) {
	began := time.Now()
	// WithoutCancel: the end of the caller's ctx is applied by await, after the grace.
	stepCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stepCtx, stop := context.WithTimeout(stepCtx, r.deadline)
	defer stop()
	stepCtx = context.WithValue(stepCtx, insideKey{r}, true)
	stepCtx = context.WithValue(stepCtx, ledgerKey{}, l)

	end := make(chan ending, 1) // buffered: a late step's goroutine must be able to leave
	go s.execute(stepCtx, end)
	got := r.await(ctx, stepCtx, cancel, end)

	l.add(StepResult{
		Phase:    s.phase,
		Name:     s.name,
		Outcome:  got.outcome,
		Err:      got.err,
		Duration: time.Since(began),
	})
	if got.outcome == OutcomeLate {
		go r.watch(s, began, end)
	}
}

// await returns how the step ended. ctx is the caller's: its end cancels the step, once the
// step has had its grace.
func (r *Registry) await(
	ctx, stepCtx context.Context, cancel context.CancelCauseFunc, end <-chan ending,
) ending {
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	var over <-chan struct{} // ctx's end, nil until the grace has passed
	for {
		select {
		case e := <-end:
			return e
		case <-grace.C:
			over = ctx.Done()
		case <-over:
			cancel(context.Cause(ctx))
			over = nil
		case <-stepCtx.Done():
			return r.settle(end)
		}
	}
}

// settle gives a step that was just cancelled the grace to return in: this tells a step that
// heeds its context from one that is stuck.
func (r *Registry) settle(end <-chan ending) ending {
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	select {
	case e := <-end:
		return e
	case <-grace.C:
		return ending{OutcomeLate, ErrLate}
	}
}

// watch logs the end of a late step: the report cannot tell it any more.
func (r *Registry) watch(s *Step, began time.Time, end <-chan ending) {
	e := <-end
	r.log.Warn("cleanup: a late step ended after all",
		"phase", s.phase, "step", s.name, "outcome", e.outcome, "err", e.err, "took", time.Since(began))
}
