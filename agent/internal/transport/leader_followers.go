package transport

import (
	"errors"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

const (
	// eagerly is for how many requests a follower is promoted at once, after one that took long.
	eagerly = 64
	// maxUnnotified is how many replies may be written without waking the peer for them, while there are requests to
	// execute.
	maxUnnotified = 16
)

// requestsReader takes in requests.
type requestsReader interface {
	// execute has a request executed. The goroutine that reads calls it.
	execute(c *serverCall)
}

// streamRequests are read by the goroutine that reads the stream, and executed by a goroutine each.
type streamRequests struct{ conn *serverConn }

func (r streamRequests) execute(c *serverCall) { go r.conn.execute(c) }

// leaderFollowers are the goroutines that read the requests in a ring, one at a time: the pattern of that name, in which
// the leader that has read a request executes it, as waking a follower for that would take longer than a small request does.
// It remains the leader meanwhile, unless the execution takes long, and the clock promotes a follower.
type leaderFollowers struct {
	conn  *serverConn
	in    *ringFrames
	clock *ticker.Group
	ready *serverCall // what the leader executes next; guarded by readLock, like err
	err   error       // why reading has ended

	over  chan error    // gets err where that is for the peer, and is closed when reading has ended
	ended chan struct{} // closed with over

	leadership leadership
	seen       uint64       // the leadership, when the clock last looked; the clock's
	spare      chan uint64  // to the follower that waits to be promoted, if there is one
	free       atomic.Bool  // there is none
	eager      atomic.Int32 // for how many requests a follower is promoted at once
	unnotified atomic.Bool  // there are replies that the peer may not know of, since the clock last looked
}

// leadership says which goroutine reads a ring: the one that knows its value.
type leadership struct{ word atomic.Uint64 }

// executing is the bit of the leadership that is set while the leader executes a request.
const executing = 1

// execute is for the leader, which remains it while it executes.
func (l *leadership) execute(held uint64) (now uint64) {
	now = held + 2 | executing
	l.word.Store(now)
	return now
}

// back is for a goroutine that has executed; false when another leads now.
func (l *leadership) back(held uint64) (now uint64, ok bool) {
	return held &^ executing, l.word.CompareAndSwap(held, held&^executing)
}

// take takes the leadership from a leader that executes, unless it is back.
func (l *leadership) take(held uint64) (now uint64, ok bool) {
	now = (held + 2) &^ executing
	return now, l.word.CompareAndSwap(held, now)
}

// readRing has the goroutines that execute read.
func (in *serverConn) readRing(frames *ringFrames) reader {
	r := &leaderFollowers{
		conn: in, in: frames, clock: in.transport.clock,
		over: make(chan error, 1), ended: make(chan struct{}), spare: make(chan uint64),
	}
	r.free.Store(true)
	in.requests = r
	r.clock.Add(r)
	go r.lead(0)
	return r
}

func (r *leaderFollowers) execute(c *serverCall) { r.ready = c }

// hurry does nothing: the ring is being read.
func (*leaderFollowers) hurry() {}

func (r *leaderFollowers) drain() error {
	r.in.reader.Finish()
	return <-r.over
}

// lead is what a leader does.
func (r *leaderFollowers) lead(held uint64) {
	last := int64(0) // bytes of the last request
	for unnotified := 0; ; {
		c, more := r.nextRequest(&unnotified, last)
		if c == nil {
			return
		}
		eager := r.eager.Load() > 0
		if more && !eager && unnotified < maxUnnotified {
			c.notifyLater = true
			unnotified++
			r.unnotified.Store(true)
		} else {
			unnotified = 0
		}
		last = c.total
		held = r.leadership.execute(held)
		r.clock.Start()
		if eager {
			r.eager.Add(-1)
			r.promote(held)
		}
		r.conn.execute(c)
		var ok bool
		if held, ok = r.leadership.back(held); ok {
			continue
		}
		r.conn.out.notify()
		unnotified = 0
		if held, ok = r.follow(); !ok {
			return
		}
	}
}

// promote makes another goroutine the leader, unless the leader is back.
func (r *leaderFollowers) promote(held uint64) {
	next, ok := r.leadership.take(held)
	if !ok {
		return
	}
	select {
	case r.spare <- next:
	default:
		go r.lead(next)
	}
}

// follow is for a goroutine that leads no more. One may wait to be promoted again, as it has a stack that fits.
func (r *leaderFollowers) follow() (held uint64, ok bool) {
	if !r.free.CompareAndSwap(true, false) {
		return 0, false
	}
	defer r.free.Store(true)
	select {
	case held = <-r.spare:
		return held, true
	case <-r.ended:
		return 0, false
	}
}

// Tick promotes a follower if the leader has been executing the same request since the last tick, and wakes the peer for
// replies that it may not know of.
func (r *leaderFollowers) Tick() bool {
	held := r.leadership.word.Load()
	if held&executing == 0 {
		return false
	}
	if r.unnotified.Swap(false) {
		r.conn.out.notify()
	}
	if held == r.seen {
		r.eager.Store(eagerly)
		r.promote(held)
	}
	r.seen = held
	return true
}

// nextRequest reads the ring until there is a request to execute, and says whether there is more; nil at its end.
// Unnotified is how many replies the peer may not know of, last the size of the last request.
func (r *leaderFollowers) nextRequest(unnotified *int, last int64) (c *serverCall, more bool) {
	for {
		c, waits, more := r.readUntilRequest()
		if c != nil || !waits {
			return c, more
		}
		if *unnotified > 0 {
			*unnotified = 0
			r.conn.out.notify()
		}
		look := lookFor(last)
		if r.conn.transport.Serving.Used() > 0 {
			look = 0 // there is something to do here
		}
		r.in.reader.Wait(look)
	}
}

// readUntilRequest reads what is there, up to a request, and says whether there is more. When waits is false, too, the ring
// has ended.
func (r *leaderFollowers) readUntilRequest() (c *serverCall, waits, more bool) {
	r.in.readLock.Lock()
	defer r.in.readLock.Unlock()
	for r.err == nil {
		f, err := r.in.tryNext()
		if err == nil && f == nil {
			return nil, true, false
		}
		if err == nil {
			err = r.conn.fromBeside(f)
		}
		if err != nil {
			r.endLocked(err)
			break
		}
		if c := r.ready; c != nil {
			r.ready = nil
			return c, false, r.in.reader.Ready()
		}
	}
	return nil, false, false
}

// endLocked notes why there is nothing more to read. The caller must hold readLock.
func (r *leaderFollowers) endLocked(err error) {
	r.err = err
	if errors.Is(err, frame.ErrProtocol) {
		r.conn.kick(err)
		r.over <- err
	}
	close(r.over)
	close(r.ended)
	r.clock.Remove(r)
}
