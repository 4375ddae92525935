package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// Who waits for a reply reads the ring itself: waking it from another thread would take longer than everything else
// between two workers of one machine. So the ring has no reader of its own, but somebody reads whenever a reply is
// due: the caller who found nobody reading, until its own reply is there, and where nobody waits an attendant, a
// goroutine that reads while there are calls that nobody else reads for.
//
// Callers that make calls without waiting, and wait later, would find an attendant in their way. So it leaves when
// one wants to read, and for some time the next one comes only when the clock has seen that nobody reads.

const (
	// patient is for how long attendants are left to the clock after a caller has wanted to read: it is halved each
	// time that one is needed all the same.
	patient = 64
	// readOn is how many frames a caller reads beyond its own reply, as far as they are there.
	readOn = 64
)

// inlet reads the frames of one direction from a ring. Who has the turn reads.
type inlet struct {
	turn   sync.Mutex
	reader *shm.RingReader
}

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
	s.readUntil(in, c, func() bool { return false })
	in.turn.Unlock()
	s.attend()
}

// readWhile is for a caller who waits for a call that was made without waiting: it reads until the call has its
// outcome, or ctx has ended, if nobody else does.
func (s *session) readWhile(ctx context.Context, c *outcall) {
	in := s.ring.Load()
	if in == nil {
		return
	}
	s.patience.Store(patient)
	if !in.turn.TryLock() {
		s.unwanted.Store(true)
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, in.reader.Interrupt)
		defer stop()
	}
	s.readUntil(in, c, func() bool { return ctx.Err() != nil })
	for n := 0; n < readOn && in.reader.Ready() && s.readOne(in, 0, func() {}); n++ {
	}
	in.turn.Unlock()
	s.attend()
}

// readUntil reads until the call has its outcome, or stop says so. Who calls it has the turn.
func (s *session) readUntil(in *inlet, c *outcall, stop func() bool) {
	c.alone = true
	look := lookFor(c.body.Size())
	for {
		c.reads.Store(in.reader)
		over := c.over() || stop()
		if over || !s.readOne(in, look, func() { c.reads.Store(nil) }) {
			break
		}
	}
	c.reads.Store(nil)
	c.alone = false
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

// attend has an attendant come if there is something to read for, and nobody reads: at once, or when the clock
// finds that.
func (s *session) attend() {
	if s.patience.Load() == 0 {
		s.attendNow()
	} else if in := s.ring.Load(); in != nil && s.expects(in) {
		s.link.agent.clock.start()
	}
}

func (s *session) attendNow() {
	if in := s.ring.Load(); in != nil && s.expects(in) && in.turn.TryLock() {
		s.sendAttendant(in)
	}
}

// sendAttendant is for who has the turn, which is the attendant's then.
func (s *session) sendAttendant(in *inlet) {
	s.unwanted.Store(false)
	go func() { // drain waits for it
		alive := true
		for alive && !s.unwanted.Load() && s.expects(in) {
			alive = s.readOne(in, 0, func() {})
		}
		in.turn.Unlock()
		if alive {
			s.attend() // for a call that came in between
		}
	}()
}

// tick sends an attendant where one is missing.
func (s *session) tick() bool {
	in := s.ring.Load()
	if in == nil || !s.expects(in) {
		return false
	}
	frames := s.frames.Load()
	unread := frames == s.seen
	s.seen = frames
	if !unread || !in.turn.TryLock() {
		return true // somebody reads, or may come back for it
	}
	s.patience.Store(s.patience.Load() / 2)
	s.sendAttendant(in)
	return true
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
func (s *session) readOne(in *inlet, look time.Duration, woken func()) bool {
	var f frame.Frame
	err := in.next(&f, look)
	woken()
	s.frames.Add(1)
	if err == nil {
		s.out.heard()
		err = s.handle(&f)
		f.Free()
	}
	switch {
	case err == nil || errors.Is(err, shm.ErrInterrupted):
		return true
	case errors.Is(err, frame.ErrProtocol):
		s.end(err)
	}
	return false // the stream is ending, which ends the session too
}

// drain takes what the peer has said before the stream ended.
func (s *session) drain() {
	s.link.agent.clock.remove(s)
	in := s.ring.Load()
	if in == nil {
		return
	}
	in.reader.Finish()
	in.turn.Lock() // and not given back: there is nothing to read any more
	for s.lives() && s.readOne(in, 0, func() {}) {
	}
}

func (s *session) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}
