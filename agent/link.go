package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
)

const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
)

// link is the way to one peer: a session when there is one, and how to get the next.
type link struct {
	agent    *Agent
	to       Worker
	lastCall atomic.Uint64 // of all sessions, so that the peer can tell a request that comes twice
	calls    quota.Budget  // calls without an outcome
	incoming quota.Budget  // bytes of replies that are arriving
	queue    *quota.Budget

	current atomic.Pointer[clientConn] // nil unless it is up

	mu      sync.Mutex
	attempt chan struct{} // closed when the attempt in progress is over; nil when there is none
	err     error         // of the last attempt, or why the last session ended
	failed  int           // attempts since the last session
	tried   time.Time     // when the last attempt failed
	next    time.Time     // not before then
	born    time.Time     // when the link began to try; zero after the first session
	reached bool          // there was a session: the worker did listen at its address
	closed  bool
}

func newLink(a *Agent, to Worker) *link {
	l := &link{agent: a, to: to, queue: &a.queue}
	l.calls.Init(callsPerPeerKind, int64(a.limits.CallsPerPeer))
	l.incoming.Init(repliesPerPeer, a.limits.ReceivePerPeer)
	return l
}

// get returns the session, waiting for one if there is hope: a first or a next attempt under way. A
// peer that was there and does not answer is reported at once, and tried again by a later call.
func (l *link) get(ctx context.Context) (*clientConn, error) {
	for {
		if s := l.current.Load(); s != nil {
			return s, nil
		}
		attempt, pause, err := l.approach()
		if err != nil {
			return nil, err
		}
		if err := waitFor(ctx, attempt, pause); err != nil {
			doing := "connecting to the worker"
			if _, why := l.lastFailure(); why != nil {
				doing = fmt.Sprintf("%s (%v)", doing, rpcerr.Within(why))
			}
			return nil, ended(err, doing).about(l.to.Name, false)
		}
	}
}

// approach starts an attempt or joins the one in progress. While there is neither it says how long to pause,
// not at all if there is a session after all.
func (l *link) approach() (attempt <-chan struct{}, pause time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case l.closed:
		return nil, 0, errClosed()
	case l.current.Load() != nil: // since the caller looked; another would take this one's place
		return nil, 0, nil
	case l.attempt != nil:
		return l.attempt, 0, nil
	case l.failed == 0 || !now.Before(l.next):
		if l.failed == 0 && l.born.IsZero() && l.err == nil {
			l.born = now
		}
		return l.try(), 0, nil
	case !l.born.IsZero() && now.Sub(l.born) < l.agent.config.StartTimeout && l.mayStart():
		return nil, l.next.Sub(now), nil // the group is starting: it may not be up yet
	}
	e := asError(l.err)
	if e.Code == codes.Unknown {
		e = failure(codes.Unavailable, "%w", l.err)
	}
	if errors.Is(l.err, errRefused) && l.agent.complete() {
		e = failure(codes.Unavailable, "%s: %w", l.whyRefused(), l.err)
	}
	return nil, 0, e.about(l.to.Name, false)
}

// whyRefused says what it means that nothing listens at the address of a worker that a rendezvous has shown to be there: a
// worker behind NAT, or in a container, may give an address at which nobody can call it. Called with mu held.
func (l *link) whyRefused() string {
	switch {
	case l.reached:
		return "it was in the group, and has ended"
	case l.agent.origins.connected(l.to.Name) != 0:
		return "it is there, and cannot be called at the address that it gave (Config.Advertise, --advertise)"
	}
	return "it was in the group, and has ended or cannot be called at the address that it gave (Config.Advertise, --advertise)"
}

// wasReached says whether there ever was a session: only then is a refused connection proof that the worker has ended.
func (l *link) wasReached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reached
}

// mayStart says whether a worker that was not reached yet may be reached later. Called with mu held.
func (l *link) mayStart() bool {
	if errors.Is(l.err, errRefused) && l.agent.complete() {
		return false // it was there: it has ended, or cannot be called
	}
	return passing(l.err) && !errors.Is(l.err, security.ErrUntrusted)
}

// lastFailure is when the last attempt at a session failed, and why there is none now.
func (l *link) lastFailure() (at time.Time, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tried, l.err
}

// try starts an attempt. Called with mu held.
func (l *link) try() <-chan struct{} {
	over := make(chan struct{})
	l.attempt = over
	l.agent.tasks.Go(func() {
		s, err := l.agent.dial(l)
		if err == nil {
			l.agent.rrefs.arrived(l.to.Name, s.peer.GetIncarnation())
		}
		l.mu.Lock()
		l.attempt = nil
		switch {
		case err != nil:
			l.err = err
			l.failed++
			l.tried = time.Now()
			l.next = l.tried.Add(backoff(l.failed))
			l.agent.log.Info("agent: cannot reach worker", "worker", l.to.Name, "address", l.to.Address, "attempt", l.failed, "err", err)
		case l.closed:
			defer s.end(ErrClosed)
		default:
			l.failed, l.born, l.err, l.reached = 0, time.Time{}, nil, true
			l.current.Store(s)
			l.agent.tasks.Go(s.run)
		}
		l.mu.Unlock()
		close(over)
	})
	return over
}

// lost notes that a session is no more.
func (l *link) lost(s *clientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current.Load() == s {
		l.agent.rrefs.heard(l.to.Name) // before it seems absent
		l.current.Store(nil)
		l.err = s.err
		if !l.closed {
			l.agent.log.Info("agent: lost the connection to worker", "worker", l.to.Name, "err", s.err)
		}
	}
}

// close ends the session, and all hope of another.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	s := l.current.Load()
	l.mu.Unlock()
	if s != nil {
		s.end(ErrClosed)
	}
}

// bytes are the budgets of bytes of replies that are arriving.
func (l *link) bytes() quota.Pair { return quota.Pair{Own: &l.incoming, All: &l.agent.incoming} }

// acquire counts the bytes of a reply that is to come.
func (l *link) acquire(n int64) error {
	if n == 0 {
		return nil
	}
	if err := l.bytes().Acquire(n); err != nil {
		return err
	}
	return nil
}

// release gives back what the reply to a call has acquired.
func (l *link) release(c *clientCall) {
	if n := c.held.Swap(0); n > 0 {
		l.bytes().Release(n)
	}
}

// backoff is how long to wait after so many failures: twice as long each time, and not in step with others.
func backoff(failures int) time.Duration {
	d := min(backoffMin<<min(failures-1, 10), backoffMax)
	return d/2 + rand.N(d/2)
}

// waitFor waits for the channel, or for the time if there is no channel.
func waitFor(ctx context.Context, c <-chan struct{}, d time.Duration) error {
	if c == nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
