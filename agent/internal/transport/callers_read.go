package transport

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/internal/shm"
	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// The caller that waits for a reply reads the ring itself: waking it from another thread would take longer than everything
// else between two workers of one machine. So the ring has no reader of its own, but there is one whenever a reply is
// due: the caller who found nobody reading, until its own reply is there, and where nobody waits a background reader, a
// goroutine that reads while there are calls that nobody else reads for.
//
// Callers that make calls without waiting, and wait later, would find a background reader in their way. So it leaves when
// a caller wants to read, and for some time the next one comes only when the clock has seen that nobody reads.

const (
	// patient is how often a background reader is left to the clock after a caller has wanted to read: it is halved each
	// time that the clock starts one.
	patient = 64
	// readOn is how many frames a caller reads beyond its own reply, as far as they are there.
	readOn = 64
)

// repliesReader takes in the replies to calls.
type repliesReader interface {
	// readFor may read on this goroutine until the call has its outcome. The end of ctx is an outcome.
	readFor(ctx context.Context, c *Call)
	// readWhile is for a caller that waits for a call which it made without waiting: it may read until the call has its
	// outcome, or ctx has ended.
	readWhile(ctx context.Context, c *Call)
	// expect has the reply to a call read that nobody waits for.
	expect()
}

// streamReplies are read by the goroutine that reads the stream.
type streamReplies struct{}

func (streamReplies) readFor(context.Context, *Call)   {}
func (streamReplies) readWhile(context.Context, *Call) {}
func (streamReplies) expect()                          {}

var byStream repliesReader = streamReplies{}

// callersRead reads the replies in a ring.
type callersRead struct {
	conn     *clientConn
	in       *ringFrames
	clock    *ticker.Group
	frames   atomic.Uint64 // that were read
	seen     uint64        // of them, when the clock last looked; the clock's
	patience atomic.Int32  // how often a background reader is left to the clock
	unwanted atomic.Bool   // the background reader is to leave: a caller wants to read
}

// readRing has the callers read.
func (s *clientConn) readRing(frames *ringFrames) reader {
	r := &callersRead{conn: s, in: frames, clock: s.to.transport.clock}
	var replies repliesReader = r
	s.replies.Store(&replies)
	r.clock.Add(r)
	r.expect()
	return r
}

func (r *callersRead) readFor(ctx context.Context, c *Call) {
	if !r.in.readLock.TryLock() {
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.Outcome.Abandon(ctx.Err()) })
		defer stop()
	}
	r.readUntil(c, func() bool { return false })
	r.in.readLock.Unlock()
	r.expect()
}

func (r *callersRead) readWhile(ctx context.Context, c *Call) {
	r.patience.Store(patient)
	if !r.in.readLock.TryLock() {
		r.unwanted.Store(true)
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, r.interrupt)
		defer stop()
	}
	r.readUntil(c, func() bool { return ctx.Err() != nil })
	for n := 0; n < readOn && r.in.reader.Ready() && r.readOne(0, func() {}); n++ {
	}
	r.in.readLock.Unlock()
	r.expect()
}

// readUntil reads until the call has its outcome, or stop says so. The caller must hold readLock.
func (r *callersRead) readUntil(c *Call, stop func() bool) {
	c.alone = true
	look := lookFor(c.Body.Size())
	for {
		c.reads.Store(r)
		over := c.over() || stop()
		if over || !r.readOne(look, func() { c.reads.Store(nil) }) {
			break
		}
	}
	c.reads.Store(nil)
	c.alone = false
}

// interrupt has the goroutine that reads look whether it still has to.
func (r *callersRead) interrupt() { r.in.reader.Interrupt() }

// expect starts a background reader if there is something to read for, and nobody reads: at once, or when the clock finds
// that.
func (r *callersRead) expect() {
	if r.patience.Load() == 0 {
		r.hurry()
	} else if r.due() {
		r.clock.Start()
	}
}

// hurry starts a background reader if there is something to read for, and nobody reads.
func (r *callersRead) hurry() {
	if r.due() && r.in.readLock.TryLock() {
		r.startBackground()
	}
}

// startBackground starts a background reader. The caller must hold readLock, which is the background reader's then.
func (r *callersRead) startBackground() {
	r.unwanted.Store(false)
	go func() { // drain waits for it
		alive := true
		for alive && !r.unwanted.Load() && r.due() {
			alive = r.readOne(0, func() {})
		}
		r.in.readLock.Unlock()
		if alive {
			r.expect() // for a call that came in between
		}
	}()
}

// Tick starts a background reader where one is missing.
func (r *callersRead) Tick() bool {
	if !r.due() {
		return false
	}
	frames := r.frames.Load()
	unread := frames == r.seen
	r.seen = frames
	if !unread || !r.in.readLock.TryLock() {
		return true // a goroutine reads, or may come back for it
	}
	r.patience.Store(r.patience.Load() / 2)
	r.startBackground()
	return true
}

// due says whether there are calls without a reply, or there is something to read.
func (r *callersRead) due() bool { return r.conn.waiting() || r.in.reader.Ready() }

// readOne waits for a frame and takes it, and is false when there will be no other. The caller must hold readLock. Woken
// is called before the frame is taken.
func (r *callersRead) readOne(look time.Duration, woken func()) bool {
	f, err := r.in.next(look)
	woken()
	r.frames.Add(1)
	if err == nil {
		err = r.conn.fromBeside(f)
	}
	switch {
	case err == nil || errors.Is(err, shm.ErrInterrupted):
		return true
	case errors.Is(err, frame.ErrProtocol):
		r.conn.end(err)
	}
	return false // the stream is ending, which ends the conn too
}

func (r *callersRead) drain() error {
	r.clock.Remove(r)
	r.in.reader.Finish()
	r.in.readLock.Lock() // and not released: there is nothing to read any more
	for r.conn.lives() && r.readOne(0, func() {}) {
	}
	return nil // what is wrong has ended the conn
}
