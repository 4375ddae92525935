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
// due: the caller who found nobody reading, until its own reply is there, and where nobody waits a background reader, a
// goroutine that reads while there are calls that nobody else reads for.
//
// Callers that make calls without waiting, and wait later, would find a background reader in their way. So it leaves when
// one wants to read, and for some time the next one comes only when the clock has seen that nobody reads.

const (
	// patient is for how long background readers are left to the clock after a caller has wanted to read: it is halved each
	// time that one is needed all the same.
	patient = 64
	// readOn is how many frames a caller reads beyond its own reply, as far as they are there.
	readOn = 64
)

// inlet reads the frames of one direction from a ring. Who holds readLock reads.
type inlet struct {
	readLock sync.Mutex
	reader   *shm.RingReader
}

// readFor reads until the call has its outcome, if nobody else reads. The end of ctx is an outcome.
func (s *clientConn) readFor(ctx context.Context, c *clientCall) {
	in := s.ring.Load()
	if in == nil || !in.readLock.TryLock() {
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.abandon(ctx.Err()) })
		defer stop()
	}
	s.readUntil(in, c, func() bool { return false })
	in.readLock.Unlock()
	s.startBackgroundReader()
}

// readWhile is for a caller who waits for a call that was made without waiting: it reads until the call has its
// outcome, or ctx has ended, if nobody else does.
func (s *clientConn) readWhile(ctx context.Context, c *clientCall) {
	in := s.ring.Load()
	if in == nil {
		return
	}
	s.patience.Store(patient)
	if !in.readLock.TryLock() {
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
	in.readLock.Unlock()
	s.startBackgroundReader()
}

// readUntil reads until the call has its outcome, or stop says so. Who calls it holds readLock.
func (s *clientConn) readUntil(in *inlet, c *clientCall, stop func() bool) {
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
func (c *clientCall) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// interruptReader is for a call that has ended otherwise than by what its caller has read.
func (c *clientCall) interruptReader() {
	if reader := c.reads.Load(); reader != nil {
		reader.Interrupt()
	}
}

// startBackgroundReader has a background reader come if there is something to read for, and nobody reads: at once, or when the clock
// finds that.
func (s *clientConn) startBackgroundReader() {
	if s.patience.Load() == 0 {
		s.startBackgroundReaderNow()
	} else if in := s.ring.Load(); in != nil && s.expects(in) {
		s.link.agent.clock.start()
	}
}

func (s *clientConn) startBackgroundReaderNow() {
	if in := s.ring.Load(); in != nil && s.expects(in) && in.readLock.TryLock() {
		s.runBackgroundReader(in)
	}
}

// runBackgroundReader is for who holds readLock, which is the background reader's then.
func (s *clientConn) runBackgroundReader(in *inlet) {
	s.unwanted.Store(false)
	go func() { // drain waits for it
		alive := true
		for alive && !s.unwanted.Load() && s.expects(in) {
			alive = s.readOne(in, 0, func() {})
		}
		in.readLock.Unlock()
		if alive {
			s.startBackgroundReader() // for a call that came in between
		}
	}()
}

// tick sends a background reader where one is missing.
func (s *clientConn) tick() bool {
	in := s.ring.Load()
	if in == nil || !s.expects(in) {
		return false
	}
	frames := s.frames.Load()
	unread := frames == s.seen
	s.seen = frames
	if !unread || !in.readLock.TryLock() {
		return true // somebody reads, or may come back for it
	}
	s.patience.Store(s.patience.Load() / 2)
	s.runBackgroundReader(in)
	return true
}

// expects says whether replies are due, or there is something to read.
func (s *clientConn) expects(in *inlet) bool {
	s.mu.Lock()
	due := len(s.calls) > 0
	s.mu.Unlock()
	return due || in.reader.Ready()
}

// readOne waits for a frame and takes it, and is false when there will be no other. Who calls it holds readLock.
// Woken is called before the frame is taken.
func (s *clientConn) readOne(in *inlet, look time.Duration, woken func()) bool {
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
func (s *clientConn) drain() {
	s.link.agent.clock.remove(s)
	in := s.ring.Load()
	if in == nil {
		return
	}
	in.reader.Finish()
	in.readLock.Lock() // and not given back: there is nothing to read any more
	for s.lives() && s.readOne(in, 0, func() {}) {
	}
}

func (s *clientConn) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}
