package agent

import (
	"context"
	"errors"

	"github.com/pyrpc/pyrpc/agent/shm"
)

// Who waits for a reply reads the ring itself: waking it from another thread would take longer than everything else
// between two workers of one machine. So the ring has no reader of its own, but somebody reads whenever a reply is
// due: the caller who found nobody reading, until its own reply is there, and after it a goroutine, while there are
// calls that nobody else reads for.

// readFor reads until the call has its outcome, if nobody else reads. The end of ctx is an outcome.
func (s *session) readFor(ctx context.Context, c *outcall) {
	in := s.ring.Load()
	if in == nil || !in.turn.TryLock() {
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.abandon(ctx.Err()) })
		defer stop()
	}
	c.alone = true
	for {
		c.reads.Store(in.reader)
		over := c.over()
		if over || !s.readOne(in, true, func() { c.reads.Store(nil) }) {
			break
		}
	}
	c.reads.Store(nil)
	c.alone = false
	in.turn.Unlock()
	s.attend()
}

// over says whether there is an outcome.
func (c *outcall) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// interruptReader is for a call that has ended otherwise than by what its caller has read.
func (c *outcall) interruptReader() {
	if reader := c.reads.Load(); reader != nil {
		reader.Interrupt()
	}
}

// attend has a goroutine read if there is something to read for, and nobody does.
func (s *session) attend() {
	in := s.ring.Load()
	if in == nil || !s.expects(in) || !in.turn.TryLock() {
		return
	}
	go func() { // drain waits for it
		alive := true
		for alive && s.expects(in) {
			alive = s.readOne(in, false, func() {})
		}
		in.turn.Unlock()
		if alive {
			s.attend() // for a call that came in between
		}
	}()
}

// expects says whether replies are due, or there is something to read.
func (s *session) expects(in *inlet) bool {
	s.mu.Lock()
	due := len(s.calls) > 0
	s.mu.Unlock()
	return due || in.reader.Ready()
}

// readOne waits for a frame and takes it, and is false when there will be no other. Who calls it has the turn.
// Woken is called before the frame is taken.
func (s *session) readOne(in *inlet, eager bool, woken func()) bool {
	var f frame
	err := in.next(&f, eager)
	woken()
	if err == nil {
		s.out.heard()
		err = s.handle(&f)
		f.free()
	}
	switch {
	case err == nil || errors.Is(err, shm.ErrInterrupted):
		return true
	case errors.Is(err, errProtocol):
		s.end(err)
	}
	return false // the stream is ending, which ends the session too
}

// drain takes what the peer has said before the stream ended.
func (s *session) drain() {
	in := s.ring.Load()
	if in == nil {
		return
	}
	in.reader.Finish()
	in.turn.Lock() // and not given back: there is nothing to read any more
	for s.lives() && s.readOne(in, false, func() {}) {
	}
}

func (s *session) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}
