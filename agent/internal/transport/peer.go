package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
)

// Peer is the way to one worker: a connection when there is one, and how to get the next. Its methods may be called from
// any goroutine.
type Peer struct {
	// Calls are calls to this peer without an outcome.
	Calls quota.Budget

	transport *Transport
	name      string
	address   string
	lastCall  atomic.Uint64 // of all connections, so that the peer can tell a request that comes twice
	incoming  quota.Budget  // bytes of replies that are arriving

	current atomic.Pointer[clientConn] // nil unless it is up

	mu      sync.Mutex
	attempt chan struct{} // closed when the attempt in progress is over; nil when there is none
	err     error         // of the last attempt, or why the last connection ended
	failed  int           // attempts since the last connection
	tried   time.Time     // when the last attempt failed
	next    time.Time     // not before then
	born    time.Time     // when the first attempt began; zero after the first connection
	reached bool          // there was a connection: the worker did listen at its address
	closed  *rpcerr.Error // why there is to be no connection any more; nil while there may be one
}

// NewPeer makes the way to a worker. It connects to nothing yet.
func (t *Transport) NewPeer(name, address string) *Peer {
	p := &Peer{transport: t, name: name, address: address}
	p.Calls.Init(callsPerPeerKind, int64(t.limits.CallsPerPeer))
	p.incoming.Init(repliesPerPeer, t.limits.ReceivePerPeer)
	return p
}

// Name is the worker's.
func (p *Peer) Name() string { return p.name }

// Incarnation is the life of the worker to which there is a connection; 0 if there is none.
func (p *Peer) Incarnation() uint64 {
	if s := p.current.Load(); s != nil {
		return s.peer.GetIncarnation()
	}
	return 0
}

// get returns the connection, waiting for one if there is hope: a first or a next attempt under way. A
// peer that was there and does not answer is reported at once, and tried again by a later call.
func (p *Peer) get(ctx context.Context) (*clientConn, *rpcerr.Error) {
	for {
		if s := p.current.Load(); s != nil {
			return s, nil
		}
		attempt, pause, err := p.Approach()
		if err != nil {
			return nil, err
		}
		if err := waitFor(ctx, attempt, pause); err != nil {
			doing := "connecting to the worker"
			if _, why := p.LastFailure(); why != nil {
				doing = fmt.Sprintf("%s (%v)", doing, rpcerr.Within(why))
			}
			return nil, rpcerr.Ended(err, doing).About(p.name, false)
		}
	}
}

// Approach starts an attempt or joins the one in progress. While there is neither it says how long to pause,
// not at all if there is a connection after all.
func (p *Peer) Approach() (attempt <-chan struct{}, pause time.Duration, err *rpcerr.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.closed != nil:
		return nil, 0, p.closed
	case p.current.Load() != nil: // since the caller looked; a second one would take its place
		return nil, 0, nil
	case p.attempt != nil:
		return p.attempt, 0, nil
	case p.failed == 0 || !now.Before(p.next):
		if p.failed == 0 && p.born.IsZero() && p.err == nil {
			p.born = now
		}
		return p.try(), 0, nil
	case !p.born.IsZero() && now.Sub(p.born) < p.transport.config.StartTimeout && p.mayStart():
		return nil, p.next.Sub(now), nil // the group is starting: it may not be up yet
	}
	e := rpcerr.From(p.err)
	if e.Code == codes.Unknown {
		e = rpcerr.Errorf(codes.Unavailable, "%w", p.err)
	}
	if errors.Is(p.err, ErrRefused) && p.transport.config.Group.Complete() {
		e = rpcerr.Errorf(codes.Unavailable, "%s: %w", p.whyRefused(), p.err)
	}
	return nil, 0, e.About(p.name, false)
}

// whyRefused says what it means that nothing listens at the address of a worker that a rendezvous has shown to be there: a
// worker behind NAT, or in a container, may give an address at which nobody can call it. The caller must hold mu.
func (p *Peer) whyRefused() string {
	switch {
	case p.reached:
		return "it was in the group, and has ended"
	case p.transport.callers.connected(p.name) != 0:
		return "it is there, and cannot be called at the address that it gave (Config.Advertise, --advertise, GOPYRPC_ADVERTISE)"
	}
	return "it was in the group, and has ended or cannot be called at the address that it gave (Config.Advertise, --advertise, GOPYRPC_ADVERTISE)"
}

// WasReached says whether there ever was a connection: only then is a refused connection proof that the worker has ended.
func (p *Peer) WasReached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reached
}

// mayStart says whether a worker that was not reached yet may be reached later. The caller must hold mu.
func (p *Peer) mayStart() bool {
	if errors.Is(p.err, ErrRefused) && p.transport.config.Group.Complete() {
		return false // it was there: it has ended, or cannot be called
	}
	return rpcerr.Temporary(p.err) && !errors.Is(p.err, security.ErrUntrusted)
}

// LastFailure is when the last attempt at a connection failed, and why there is none now.
func (p *Peer) LastFailure() (at time.Time, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tried, p.err
}

// try starts an attempt. The caller must hold mu.
func (p *Peer) try() <-chan struct{} {
	over := make(chan struct{})
	p.attempt = over
	p.transport.tasks.Go(func() {
		s, err := p.dial()
		if err == nil {
			p.transport.config.Group.Arrived(p.name, s.peer.GetIncarnation())
		}
		p.mu.Lock()
		p.attempt = nil
		switch {
		case err != nil:
			p.err = err
			p.failed++
			p.tried = time.Now()
			p.next = p.tried.Add(backoff.Delay(p.failed))
			p.transport.log.Info("agent: cannot reach worker", "worker", p.name, "address", p.address, "attempt", p.failed, "err", err)
		case p.closed != nil:
			defer s.end(p.closed)
		default:
			p.failed, p.born, p.err, p.reached = 0, time.Time{}, nil, true
			p.current.Store(s)
			p.transport.tasks.Go(s.run)
		}
		p.mu.Unlock()
		close(over)
	})
	return over
}

// lost notes that a connection has ended.
func (p *Peer) lost(s *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.Load() == s {
		p.transport.config.Group.Heard(p.name) // before it seems absent
		p.current.Store(nil)
		p.err = s.err
		if p.closed == nil {
			p.transport.log.Info("agent: lost the connection to worker", "worker", p.name, "err", s.err)
		}
	}
}

// Close ends the connection, and all hope of another.
func (p *Peer) Close() { p.fail(rpcerr.Closed()) }

// Gone is Close for a worker that is in the group no longer: calls to it end with that.
func (p *Peer) Gone() {
	p.fail(rpcerr.Errorf(codes.Unavailable, "it is in the group no longer").About(p.name, false))
}

func (p *Peer) fail(err *rpcerr.Error) {
	p.mu.Lock()
	if p.closed == nil {
		p.closed = err
	}
	s := p.current.Load()
	p.mu.Unlock()
	if s != nil {
		s.end(err)
	}
}

// bytes are the budgets of bytes of replies that are arriving.
func (p *Peer) bytes() quota.Pair { return quota.Pair{Own: &p.incoming, All: &p.transport.Incoming} }

// acquire counts the bytes of a reply that is to come.
func (p *Peer) acquire(n int64) *rpcerr.Error {
	if n == 0 {
		return nil
	}
	return p.bytes().Acquire(n)
}

// release gives back what the reply to a call has acquired.
func (p *Peer) release(c *Call) {
	if n := c.held.Swap(0); n > 0 {
		p.bytes().Release(n)
	}
}

// waitFor waits for the channel, or for the time if there is no channel.
func waitFor(ctx context.Context, c <-chan struct{}, d time.Duration) error {
	if c == nil {
		return backoff.Wait(ctx, d)
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
