package agent

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// watchInterval is how often the leader looks for workers that have not reported.
	watchInterval = 250 * time.Millisecond
	// joinPatience is how long a worker may be out of reach in a join, where nothing says that it has ended.
	joinPatience = time.Minute
)

// absence is since when a worker cannot be reached.
type absence map[string]time.Time

// watchRound ends a round in which a worker is waited for that has gone. It runs while somebody waits.
func (a *Agent) watchRound(r *round) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	away := absence{}
	remind := newReminder()
	for {
		select {
		case <-r.over:
			return
		case <-a.ctx.Done():
			return
		case <-ticker.C:
		}
		awaited, going := a.leader.awaited(r, a.group.all())
		if !going {
			return
		}
		if remind.due() {
			a.log.Warn("agent: still waiting for the group to be quiet, so that it can part", "missing", a.leader.waitsFor(a.everybody()))
		}
		for _, w := range awaited {
			if err := a.gone(w, away); err != nil {
				a.leader.fail(r, err)
				return
			}
		}
	}
}

// awaited are the workers that have not reported in a round. Going is false when nobody waits for them any more: the
// next report has the round watched anew.
func (l *leader) awaited(r *round, all []Worker) (awaited []Worker, going bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(r.reports) == 0 {
		r.watched = false
		return nil, false
	}
	for _, w := range all {
		if r.reports[w.Name] == nil {
			awaited = append(awaited, w)
		}
	}
	return awaited, true
}

// waitsFor names the workers that have not reported, and says what is known of them.
func (l *leader) waitsFor(everybody []string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing(everybody)
}

// fail ends a round for all who wait. A second attempt to join finds another of the same number.
func (l *leader) fail(r *round, err *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.round != r {
		return // it was concluded just now
	}
	r.err = err
	l.round = newRound(r.phase, r.number)
	close(r.over)
}

// gone says that a worker has left without joining; nil while it is there, or may come back. A worker has ended if nothing
// listens any more at an address where it was reached. Where it was never reached, the address may be one at which it
// cannot be called; it is given the time in which a worker that lives connects again (see keepInTouch). Where the
// group is one that --peer names the worker may be starting, or starting again.
func (a *Agent) gone(w Worker, away absence) *Error {
	if a.present(w.Name) {
		delete(away, w.Name)
		return nil
	}
	now := time.Now()
	since, known := away[w.Name]
	if !known {
		since = now
		away[w.Name] = since
	}
	l, err := a.group.link(w.Name)
	if err != nil {
		return nil // this agent is being closed
	}
	_, _, _ = l.approach()
	tried, why := l.lastFailure()
	if why == nil || tried.Before(since) {
		return nil
	}
	const remedy = "only an ungraceful shutdown leaves without it"
	refused := errors.Is(why, errRefused)
	switch silent := now.Sub(since); {
	case refused && a.complete() && l.wasReached(), refused && !a.complete() && silent >= a.config.StartTimeout:
		return failure(codes.Unavailable, "worker %s has left without joining, nothing listens at %s any more: %s", w.Name, w.Address, remedy)
	case silent >= joinPatience:
		return failure(codes.Unavailable, "worker %s has not joined, and cannot be reached at %s for %v (%w): %s",
			w.Name, w.Address, silent.Round(time.Second), why, remedy)
	}
	return nil
}

// complete says whether a rendezvous has shown that every worker of the group was there: none is only starting, and no other
// comes in the place of one that has ended.
func (a *Agent) complete() bool { return a.config.Rendezvous != nil && a.group.known() }
