package agent

import (
	"errors"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
)

const (
	// eagerly is for how many requests another goroutine reads on at once, after one that took long.
	eagerly = 64
	// maxUnnotified is how many replies may be written without waking the peer for them, while there are requests to
	// execute.
	maxUnnotified = 16
)

// leaderFollowers are the goroutines that read the requests in a ring, one at a time. Who has read one executes it:
// waking another for the execution would take longer than a small one does. It has the leadership meanwhile, unless the
// execution takes long, and the clock gives the leadership to another.
type leaderFollowers struct {
	over       chan error // why reading has ended, nil for the end of the ring
	err        error      // likewise; guarded by the ring.s readLock
	leadership leadership
	seen       uint64        // the leadership, when the clock last looked; the clock's
	spare      chan uint64   // to the goroutine that has lost the leadership and waits to get it again, if there is one
	free       atomic.Bool   // there is none
	eager      atomic.Int32  // for how many requests the leadership is given to another at once
	unnotified atomic.Bool   // there are replies that the peer may not know of, since the clock last looked
	ended      chan struct{} // closed with over
}

// leadership says who reads a ring: whoever knows its value.
type leadership struct{ word atomic.Uint64 }

// executing is the bit of the leadership that is set while its holder executes a request.
const executing = 1

// execute is for the holder, who keeps the leadership while it executes.
func (p *leadership) execute(held uint64) (now uint64) {
	now = held + 2 | executing
	p.word.Store(now)
	return now
}

// back is for who has executed; false when the leadership has been given to another.
func (p *leadership) back(held uint64) (now uint64, ok bool) {
	return held &^ executing, p.word.CompareAndSwap(held, held&^executing)
}

// take takes the leadership from a holder that executes, unless it is back.
func (p *leadership) take(held uint64) (now uint64, ok bool) {
	now = (held + 2) &^ executing
	return now, p.word.CompareAndSwap(held, now)
}

func (in *serverConn) startReaders() {
	r := &in.readers
	r.over, r.ended, r.spare = make(chan error, 1), make(chan struct{}), make(chan uint64)
	r.free.Store(true)
	in.agent.clock.add(in)
	go in.readRing(0)
}

// readRing is for who has the leadership.
func (in *serverConn) readRing(held uint64) {
	r := &in.readers
	last := int64(0) // bytes of the last request
	for unnotified := 0; ; {
		c, more := in.nextRequest(&unnotified, last)
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
		in.agent.clock.start()
		if eager {
			r.eager.Add(-1)
			in.promote(held)
		}
		in.execute(c)
		var ok bool
		if held, ok = r.leadership.back(held); ok {
			continue
		}
		in.out.notify() // for what was not notified of
		unnotified = 0
		if held, ok = in.becomeFollower(); !ok {
			return
		}
	}
}

// promote gives the leadership to another goroutine, unless the one that has it is back.
func (in *serverConn) promote(held uint64) {
	r := &in.readers
	next, ok := r.leadership.take(held)
	if !ok {
		return
	}
	select {
	case r.spare <- next:
	default:
		go in.readRing(next)
	}
}

// becomeFollower is for a goroutine that has lost the leadership. One may wait to get it again, as it has a stack that fits.
func (in *serverConn) becomeFollower() (held uint64, ok bool) {
	r := &in.readers
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

// tick relieves who has executed the same request since the last one, and lets the peer know what it does not yet.
func (in *serverConn) tick() bool {
	r := &in.readers
	held := r.leadership.word.Load()
	if held&executing == 0 {
		return false
	}
	if r.unnotified.Swap(false) {
		in.out.notify()
	}
	if held == r.seen {
		r.eager.Store(eagerly)
		in.promote(held)
	}
	r.seen = held
	return true
}

// nextRequest reads the ring until there is a request to execute, and says whether there is more; nil at its end.
// Unsaid is how many replies the peer may not know of, last the size of the last request.
func (in *serverConn) nextRequest(unnotified *int, last int64) (c *serverCall, more bool) {
	for {
		c, waits, more := in.readUntilRequest()
		if c != nil || !waits {
			return c, more
		}
		if *unnotified > 0 {
			*unnotified = 0
			in.out.notify()
		}
		look := lookFor(last)
		if in.agent.serving.Used() > 0 {
			look = 0 // there is something to do here
		}
		in.ring.reader.Wait(look)
	}
}

// readUntilRequest reads what is there, up to a request, and says whether there is more. When waits is false, too, the ring
// has ended.
func (in *serverConn) readUntilRequest() (c *serverCall, waits, more bool) {
	in.ring.readLock.Lock()
	defer in.ring.readLock.Unlock()
	for in.readers.err == nil {
		var f frame.Frame
		ok, err := in.ring.tryNext(&f)
		if err == nil && !ok {
			return nil, true, false
		}
		if err == nil {
			in.out.heard()
			err = in.handle(&f)
			f.Free()
		}
		if err != nil {
			in.endReading(err)
			break
		}
		if c := in.ready; c != nil {
			in.ready = nil
			return c, false, in.ring.reader.Ready()
		}
	}
	return nil, false, false
}

// endReading is called once, with readLock held.
func (in *serverConn) endReading(err error) {
	in.readers.err = err
	if errors.Is(err, frame.ErrProtocol) {
		in.kick(err)
		in.readers.over <- err
	}
	close(in.readers.over)
	close(in.readers.ended)
	in.agent.clock.remove(in)
}
