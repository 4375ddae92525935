package membership

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

const (
	// WatchInterval is how often the leader looks for workers that have not reported.
	WatchInterval = 250 * time.Millisecond
	// JoinPatience is how long a worker may be out of reach in a join, where nothing says that it has ended.
	JoinPatience = time.Minute
)

// Connections is what the leader of a group, and a member, must know of the connections to the others, and may do about them.
// None of its methods blocks.
type Connections interface {
	// Connected says whether there is a connection to a member, in either direction.
	Connected(name string) bool
	// Connect starts an attempt to connect to a member in the background, unless there is a connection or an attempt already, or it
	// is too early for the next one.
	Connect(name string)
	// LastFailure is how the last attempt to connect to a member failed. Its Err is nil if there was none since the
	// last connection, or the agent is being closed.
	LastFailure(name string) Failure
}

// Failure is how an attempt to connect failed.
type Failure struct {
	At      time.Time
	Err     error
	Refused bool // nothing listens at the address
	Reached bool // there was a connection to that address before
}

// DetectorConfig is what a [Detector] is made of.
type DetectorConfig struct {
	Members      *Members
	Connections  Connections
	Log          *slog.Logger
	Met          bool            // a rendezvous has shown that every member was there: none is only starting
	StartTimeout time.Duration   // how long a member of a group that has not met may take to start
	Done         <-chan struct{} // closed when the agent is; nothing is watched any more
}

// absence is since when each worker cannot be reached.
type absence map[string]time.Time

// forgetOthers is for workers that are awaited no more, as their reports are here: they live. A worker whose connection is
// lost later is awaited again, and is absent from then on.
func (a absence) forgetOthers(awaited []Member) {
	maps.DeleteFunc(a, func(name string, _ time.Time) bool {
		return !slices.ContainsFunc(awaited, func(m Member) bool { return m.Name == name })
	})
}

// watch ends a round in which a worker is waited for that has gone. It runs while a worker waits.
func (d *Detector) watch(r *round) {
	ticker := time.NewTicker(WatchInterval)
	defer ticker.Stop()
	away := absence{}
	remind := newReminder()
	for {
		select {
		case <-r.done:
			return
		case <-d.config.Done:
			return
		case <-ticker.C:
		}
		awaited, going := d.awaited(r)
		if !going {
			return
		}
		if remind.due() {
			d.config.Log.Warn("agent: still waiting for the group to be quiet, so that it can part", "missing", d.missing())
		}
		away.forgetOthers(awaited)
		for _, m := range awaited {
			if err := d.gone(m, away); err != nil {
				d.fail(r, err)
				return
			}
		}
	}
}

// gone says that a worker has left without joining; nil while it is there, or may come back. A worker that ends in order says
// so itself (see Left). Any other has ended if nothing
// listens any more at an address where it was reached. Where it was never reached, the address may be one at which it
// cannot be called; it is given the time in which a worker that lives connects again (see KeepInTouch). Where the
// group has not met the worker may be starting, or starting again.
func (d *Detector) gone(m Member, away absence) error {
	const remedy = "only an ungraceful shutdown leaves without it"
	if d.hasLeft(m.Name) {
		return rpcerr.Errorf(codes.Unavailable, "worker %s has left without joining: %s", m.Name, remedy)
	}
	if d.config.Connections.Connected(m.Name) {
		delete(away, m.Name)
		return nil
	}
	now := time.Now()
	since, known := away[m.Name]
	if !known {
		since = now
		away[m.Name] = since
	}
	d.config.Connections.Connect(m.Name)
	f := d.config.Connections.LastFailure(m.Name)
	if f.Err == nil || f.At.Before(since) {
		return nil
	}
	silent := now.Sub(since)
	switch {
	case f.Refused && d.config.Met && f.Reached, f.Refused && !d.config.Met && silent >= d.config.StartTimeout:
		return rpcerr.Errorf(codes.Unavailable, "worker %s has left without joining, nothing listens at %s any more: %s", m.Name, m.Address, remedy)
	case silent >= JoinPatience:
		return rpcerr.Errorf(codes.Unavailable, "worker %s has not joined, and cannot be reached at %s for %v (%w): %s",
			m.Name, m.Address, silent.Round(time.Second), f.Err, remedy)
	}
	return nil
}
