package cleanup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// ReportLeak adds to the report something that a step found not released. The context is
// the step's. It returns false, having done nothing, if that context belongs to no step or the run is
// over (a late step). It does not block and may be called from any goroutine.
func ReportLeak(ctx context.Context, leak Leak) bool {
	return record(ctx, func(r *Report) { r.Leaked = append(r.Leaked, leak) })
}

// ReportReleased adds to the report that a step released count things of a name; counts
// of the same name add up. The rest is as for [ReportLeak].
func ReportReleased(ctx context.Context, name string, count int) bool {
	return record(ctx, func(r *Report) { r.addReleased(name, count) })
}

// SoFar returns the report of the run as it is while a step runs, without that step. A
// step that must not work beside a late one (finalising, say) looks here first. It
// returns false if the context belongs to no step. It does not block.
func SoFar(ctx context.Context) (Report, bool) {
	l, ok := ctx.Value(ledgerKey{}).(*ledger)
	if !ok {
		return Report{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.report.clone(), true
}

type ledgerKey struct{}

// ledger collects the report while the run is in progress.
type ledger struct {
	log *slog.Logger

	mu     sync.Mutex
	report Report // guarded by mu
	closed bool   // guarded by mu; from then on the report is Run's callers'
}

func record(ctx context.Context, change func(*Report)) bool {
	l, ok := ctx.Value(ledgerKey{}).(*ledger)
	if !ok {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	change(&l.report)
	return true
}

// add records how a step ended.
func (l *ledger) add(s StepResult) {
	l.mu.Lock()
	l.report.Steps = append(l.report.Steps, s)
	if s.Outcome == OutcomeLate {
		l.report.Late = append(l.report.Late, s.Phase.String()+": "+s.Name)
	}
	l.mu.Unlock()

	level := slog.LevelDebug
	if s.Outcome.bad() {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "cleanup: step",
		"phase", s.Phase, "step", s.Name, "outcome", s.Outcome, "err", s.Err, "took", s.Duration)
}

// close seals the report and makes the run's error of it.
func (l *ledger) close() (Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var errs []error
	for _, s := range l.report.Steps {
		if s.Outcome.bad() {
			errs = append(errs, &StepError{Phase: s.Phase, Name: s.Name, Err: s.Err})
		}
	}
	errs = append(errs, leakError(l.report.Leaked))
	return l.report, errors.Join(errs...)
}

func leakError(leaks []Leak) error {
	if len(leaks) == 0 {
		return nil
	}
	names := make([]string, len(leaks))
	for i, leak := range leaks {
		names[i] = leak.String()
	}
	return fmt.Errorf("%w: %s", ErrLeaked, strings.Join(names, ", "))
}
