package agent

import (
	"errors"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
)

const (
	// eagerly is for how many requests another goroutine reads on at once, after one that took long.
	eagerly = 64
	// maxUnsaid is how many replies may be written without waking the peer for them, while there are requests to
	// execute.
	maxUnsaid = 16
)

// ringReaders are the goroutines that read the requests in a ring, one at a time. Who has read one executes it:
// waking another for the execution would take longer than a small one does. It has the post meanwhile, unless the
// execution takes long, and the clock gives the post to another.
type ringReaders struct {
	over  chan error // why reading has ended, nil for the end of the ring
	err   error      // likewise; guarded by the turn
	post  post
	seen  uint64        // the post, when the clock last looked; the clock's
	spare chan uint64   // to the goroutine that has lost the post and waits to get it again, if there is one
	free  atomic.Bool   // there is none
	eager atomic.Int32  // for how many requests the post is given to another at once
	quiet atomic.Bool   // there are replies that the peer may not know of, since the clock last looked
	ended chan struct{} // closed with over
}

// post says who reads a ring: whoever knows its value.
type post struct{ word atomic.Uint64 }

// executing is the bit of the post that is set while its holder executes a request.
const executing = 1

// execute is for the holder, who keeps the post while it executes.
func (p *post) execute(held uint64) (now uint64) {
	now = held + 2 | executing
	p.word.Store(now)
	return now
}

// back is for who has executed; false when the post has been given to another.
func (p *post) back(held uint64) (now uint64, ok bool) {
	return held &^ executing, p.word.CompareAndSwap(held, held&^executing)
}

// take takes the post from a holder that executes, unless it is back.
func (p *post) take(held uint64) (now uint64, ok bool) {
	now = (held + 2) &^ executing
	return now, p.word.CompareAndSwap(held, now)
}

func (in *inbound) startReaders() {
	r := &in.readers
	r.over, r.ended, r.spare = make(chan error, 1), make(chan struct{}), make(chan uint64)
	r.free.Store(true)
	in.agent.clock.add(in)
	go in.readRing(0)
}

// readRing is for who has the post.
func (in *inbound) readRing(held uint64) {
	r := &in.readers
	last := int64(0) // bytes of the last request
	for unsaid := 0; ; {
		c, more := in.nextRequest(&unsaid, last)
		if c == nil {
			return
		}
		eager := r.eager.Load() > 0
		if more && !eager && unsaid < maxUnsaid {
			c.unsaid = true
			unsaid++
			r.quiet.Store(true)
		} else {
			unsaid = 0
		}
		last = c.total
		held = r.post.execute(held)
		in.agent.clock.start()
		if eager {
			r.eager.Add(-1)
			in.relieve(held)
		}
		in.execute(c)
		var ok bool
		if held, ok = r.post.back(held); ok {
			continue
		}
		in.out.wake() // for what was left unsaid
		unsaid = 0
		if held, ok = in.waitForPost(); !ok {
			return
		}
	}
}

// relieve gives the post to another goroutine, unless the one that has it is back.
func (in *inbound) relieve(held uint64) {
	r := &in.readers
	next, ok := r.post.take(held)
	if !ok {
		return
	}
	select {
	case r.spare <- next:
	default:
		go in.readRing(next)
	}
}

// waitForPost is for a goroutine that has lost the post. One may wait to get it again, as it has a stack that fits.
func (in *inbound) waitForPost() (held uint64, ok bool) {
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
func (in *inbound) tick() bool {
	r := &in.readers
	held := r.post.word.Load()
	if held&executing == 0 {
		return false
	}
	if r.quiet.Swap(false) {
		in.out.wake()
	}
	if held == r.seen {
		r.eager.Store(eagerly)
		in.relieve(held)
	}
	r.seen = held
	return true
}

// nextRequest reads the ring until there is a request to execute, and says whether there is more; nil at its end.
// Unsaid is how many replies the peer may not know of, last the size of the last request.
func (in *inbound) nextRequest(unsaid *int, last int64) (c *incall, more bool) {
	for {
		c, waits, more := in.takeTurn()
		if c != nil || !waits {
			return c, more
		}
		if *unsaid > 0 {
			*unsaid = 0
			in.out.wake()
		}
		look := lookFor(last)
		if in.agent.serving.Used() > 0 {
			look = 0 // there is something to do here
		}
		in.ring.reader.Wait(look)
	}
}

// takeTurn reads what is there, up to a request, and says whether there is more. When waits is false, too, the ring
// has ended.
func (in *inbound) takeTurn() (c *incall, waits, more bool) {
	in.ring.turn.Lock()
	defer in.ring.turn.Unlock()
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

// endReading is called once, with the turn.
func (in *inbound) endReading(err error) {
	in.readers.err = err
	if errors.Is(err, frame.ErrProtocol) {
		in.kick(err)
		in.readers.over <- err
	}
	close(in.readers.over)
	close(in.readers.ended)
	in.agent.clock.remove(in)
}
