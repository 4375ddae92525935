package agent

import (
	"errors"
	"sync/atomic"

	"github.com/pyrpc/pyrpc/agent/shm"
)

// spareReaders is how many goroutines of a peer's ring wait to read again: their stacks have grown to what an
// execution takes.
const spareReaders = 4

// ringReaders are the goroutines that read the requests in a ring. Who has read one executes it, and leaves reading
// to another: waking one for the execution would take longer than a small one does.
type ringReaders struct {
	turn  chan struct{} // has an element when somebody is to read on; closed when nobody is any more
	over  chan error    // why reading has ended, nil for the end of the ring
	spare atomic.Int32  // wait for the turn, or are about to
}

func (r *ringReaders) start(in *inbound) {
	r.turn, r.over = make(chan struct{}, 1), make(chan error, 1)
	r.pass(in)
}

// pass has another goroutine read on.
func (r *ringReaders) pass(in *inbound) {
	r.turn <- struct{}{}
	if r.spare.Add(-1) < 0 {
		r.spare.Add(1)
		go r.run(in)
	}
}

// run reads and executes in turns.
func (r *ringReaders) run(in *inbound) {
	for range r.turn {
		c, err := in.nextRequest()
		if err != nil {
			close(r.turn)
			if errors.Is(err, errProtocol) {
				in.kick(err)
				r.over <- err
			}
			close(r.over)
			return
		}
		r.pass(in)
		in.execute(c)
		if r.spare.Add(1) > spareReaders {
			r.spare.Add(-1)
			return
		}
	}
}

// nextRequest reads the ring until there is a request to execute, or until it ends.
func (in *inbound) nextRequest() (*incall, error) {
	for {
		var f frame
		err := in.ring.next(&f)
		if err == nil {
			in.out.heard()
			err = in.handle(&f)
			f.free()
		}
		if err != nil && !errors.Is(err, shm.ErrInterrupted) {
			return nil, err
		}
		if c := in.ready; c != nil {
			in.ready = nil
			return c, nil
		}
	}
}
