package agent

import (
	"errors"
	"sync/atomic"
)

// idleReaders is how many goroutines wait at a peer's ring: one to read the next request, and one that is there
// already while the other executes it. Each takes an OS thread.
const idleReaders = 2

// ringReaders are the goroutines that read the requests in a ring. Who has read one executes it: waking another
// for the execution would take longer than a small one does.
type ringReaders struct {
	over chan error   // why reading has ended, nil for the end of the ring
	err  error        // likewise; guarded by the turn
	idle atomic.Int32 // read, or wait for something to read
}

func (in *inbound) startReaders() {
	in.readers.over = make(chan error, 1)
	in.addReader()
}

func (in *inbound) addReader() {
	in.readers.idle.Add(1)
	go func() {
		for {
			c := in.nextRequest()
			if c == nil {
				return
			}
			in.execute(c)
			if in.readers.idle.Add(1) > idleReaders {
				in.readers.idle.Add(-1)
				return
			}
		}
	}()
}

// nextRequest reads the ring until there is a request to execute, nil at its end. It leaves somebody who reads on.
func (in *inbound) nextRequest() *incall {
	for {
		c, waits, more := in.takeTurn()
		switch {
		case c != nil && in.readers.idle.Add(-1) == 0:
			in.addReader()
			return c
		case c != nil && more:
			in.ring.reader.WakeOne() // the peer has woken one, maybe this one
			return c
		case c != nil:
			return c
		case !waits:
			return nil
		}
		in.ring.reader.Wait(in.agent.serving.used.Load() == 0)
	}
}

// takeTurn reads what is there, up to a request, and says whether there is more. When waits is false, too, the ring
// has ended.
func (in *inbound) takeTurn() (c *incall, waits, more bool) {
	in.ring.turn.Lock()
	defer in.ring.turn.Unlock()
	for in.readers.err == nil {
		var f frame
		ok, err := in.ring.tryNext(&f)
		if err == nil && !ok {
			return nil, true, false
		}
		if err == nil {
			in.out.heard()
			err = in.handle(&f)
			f.free()
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
	if errors.Is(err, errProtocol) {
		in.kick(err)
		in.readers.over <- err
	}
	close(in.readers.over)
}
