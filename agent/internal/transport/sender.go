package transport

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	// chunkSize is how many bytes of a body go into one frame: a small call waits no longer than for this.
	chunkSize = 128 << 10
	// headsPerChunk is how many small messages go ahead of the next chunk of a large one.
	headsPerChunk = 16
)

// OutFrame is a frame to be sent, with how it is sent.
type OutFrame struct {
	frame.Frame
	switchTo    Writer // of the frames after this one, nil for no change
	NotifyLater bool   // the peer need not be woken for it
}

// message is one message on its way.
type message struct {
	head     OutFrame  // what the first frame says; immutable once it is queued
	deadline time.Time // of a request; zero for none
	size     int64     // of the body
	over     func()    // called once when the message is out, or never will be; may be nil
	unsent   func()    // gives up what the receiver was to be told of; may be nil

	// Guarded by sender.mu.
	rest      cursor
	left      int64 // bytes of the body that wait
	started   bool  // the head is written, or being written
	withdrawn bool
}

// discard is for a message of which nothing was written.
func (o *message) discard() {
	if o.unsent != nil {
		o.unsent()
	}
}

// newMessage is for a head that says what sizes the receiver sees, or leaves it to the body's segments.
func newMessage(head frame.Frame, body Body) *message {
	if head.Sizes == nil {
		head.Sizes = body.sizes(false)
	}
	size := body.Size()
	return &message{head: OutFrame{Frame: head}, rest: cursor{rest: body}, size: size, left: size}
}

// next makes the message's next frame.
func (o *message) next() *OutFrame {
	f := &OutFrame{Frame: frame.Frame{Kind: agentpb.Kind_KIND_CHUNK, Call: o.head.Call}}
	if !o.started {
		*f = o.head
		if !o.deadline.IsZero() {
			f.Timeout = max(time.Until(o.deadline), 1)
		}
	}
	o.started = true
	f.Data = o.rest.take(chunkSize)
	return f
}

// sender writes the messages of one stream. A goroutine that finds it idle writes a small message right there,
// which saves the way through another goroutine; else the message is queued, and one goroutine writes
// as long as there is something. Large bodies go in chunks, between which the small messages pass.
type sender struct {
	fail  func(error)   // told of the first error of send; must not wait for the sender
	limit int64         // bytes that may wait
	count int           // messages that may wait
	total *quota.Budget // likewise, of all peers

	unheard atomic.Int64 // bytes written since the peer was last heard

	mu     sync.Mutex
	out    Writer     // guarded by mu, like the rest
	change *sync.Cond // room was made, writing ended, or the sender was closed
	busy   bool       // someone writes
	heads  queue[*message]
	bulk   queue[*message] // started, with more to write
	passed int             // heads written since the last chunk
	queued int64           // bytes of bodies that wait
	err    error           // why it is closed
}

func newSender(out Writer, fail func(error), limit int64, count int, total *quota.Budget) *sender {
	s := &sender{out: out, fail: fail, limit: limit, count: count, total: total}
	s.change = sync.NewCond(&s.mu)
	return s
}

// notify wakes the peer for what was written with NotifyLater.
func (s *sender) notify() {
	s.mu.Lock()
	out := s.out
	s.mu.Unlock()
	out.Notify()
}

// heard notes that the peer has sent something.
func (s *sender) heard() { s.unheard.Store(0) }

// submit sends a message. It does not wait for the peer: what cannot be written now is queued, and what
// cannot be queued is refused. Register is called when the message is about to be taken, in the order of
// writing, and may still keep it back.
func (s *sender) submit(o *message, register func() bool) error {
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	if s.heads.len() >= s.count {
		defer s.mu.Unlock()
		return rpcerr.Errorf(codes.ResourceExhausted, "%d messages wait to be sent to this peer: it does not read", s.heads.len())
	}
	if o.size > 0 {
		if s.queued > 0 && s.queued+o.size > s.limit {
			defer s.mu.Unlock()
			return rpcerr.Errorf(codes.ResourceExhausted, "%d bytes wait to be sent to this peer, allowed are %d "+
				"(Limits.QueuePerPeer): it reads too slowly, or too much is asked of it at once", s.queued, s.limit)
		}
		if err := s.total.Acquire(o.size); err != nil {
			defer s.mu.Unlock()
			return err
		}
	}
	if register != nil && !register() {
		s.total.Release(o.size)
		s.mu.Unlock()
		o.discard()
		return nil
	}
	s.admit(o)
	return nil
}

// submitReply is submit for a message that was paid for and must not be lost: it waits for room.
func (s *sender) submitReply(o *message) error {
	s.mu.Lock()
	for s.err == nil && o.size > 0 && s.queued > 0 && s.queued+o.size > s.limit {
		s.change.Wait()
	}
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	s.total.MustAcquire(o.size)
	s.admit(o)
	return nil
}

// waitHeads waits until fewer than n messages wait to be begun, or the sender is closed.
func (s *sender) waitHeads(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && s.heads.len() >= n {
		s.change.Wait()
	}
}

// admit writes the message or queues it, and unlocks mu.
func (s *sender) admit(o *message) {
	s.queued += o.size
	if s.busy || !s.out.Fits(o.size, s.unheard.Load()) {
		o.head.NotifyLater = false // the goroutine that wakes the peer later may do so before this is written
		s.heads.push(o)
		if !s.busy {
			s.busy = true
			go s.flush()
		}
		s.mu.Unlock()
		return
	}
	s.busy = true
	f, out := o.next(), s.out
	s.mu.Unlock()
	s.write(out, o, f)
	s.mu.Lock()
	if s.heads.len()+s.bulk.len() > 0 && s.err == nil {
		go s.flush()
	} else {
		s.busy = false
		s.change.Broadcast()
	}
	s.mu.Unlock()
}

// flush writes until nothing waits.
func (s *sender) flush() {
	s.mu.Lock()
	for s.err == nil {
		o := s.pick()
		if o == nil {
			break
		}
		f, out := o.next(), s.out
		s.mu.Unlock()
		s.write(out, o, f)
		s.mu.Lock()
		if o.left > 0 && !o.withdrawn {
			s.bulk.push(o)
		}
	}
	s.busy = false
	s.change.Broadcast()
	s.mu.Unlock()
}

// pick takes the next message to write a frame of: small ones first, but not for ever.
func (s *sender) pick() *message {
	for s.heads.len()+s.bulk.len() > 0 {
		var o *message
		if s.heads.len() > 0 && (s.bulk.len() == 0 || s.passed < headsPerChunk) {
			s.passed++
			o = s.heads.pop()
			s.change.Broadcast()
		} else {
			s.passed = 0
			o = s.bulk.pop()
		}
		if !o.withdrawn {
			return o
		}
	}
	return nil
}

// write writes one frame and settles the accounts.
func (s *sender) write(out Writer, o *message, f *OutFrame) {
	n := int64(0)
	for _, part := range f.Data {
		n += int64(len(part))
	}
	s.unheard.Add(n + 64)
	err := out.Write(f)

	s.mu.Lock()
	if err != nil && s.err == nil {
		s.err = err
		defer s.fail(err)
	}
	if err == nil && f.switchTo != nil {
		s.out = f.switchTo
	}
	over := false
	if !o.withdrawn {
		if s.err != nil {
			n, o.withdrawn = o.left, true
		}
		s.release(o, n)
		over = o.left == 0
	}
	s.mu.Unlock()
	if over && o.over != nil {
		o.over()
	}
}

// release takes n bytes of a message off the books. The caller must hold mu.
func (s *sender) release(o *message, n int64) {
	if n == 0 {
		return
	}
	o.left -= n
	s.queued -= n
	s.total.Release(n)
	s.change.Broadcast()
}

// withdraw takes a message back, or the rest of it, and says whether anything of it was written. The
// message's over is not called.
func (s *sender) withdraw(o *message) (started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !o.withdrawn {
		o.withdrawn = true
		s.release(o, o.left)
		o.rest = cursor{}
		if !o.started {
			o.discard()
		}
	}
	return o.started
}

// close refuses further messages, drops those that wait, and ends the waiting for room.
func (s *sender) close(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	var dropped []*message
	for _, q := range []*queue[*message]{&s.heads, &s.bulk} {
		for q.len() > 0 {
			if o := q.pop(); !o.withdrawn {
				o.withdrawn = true
				s.release(o, o.left)
				dropped = append(dropped, o)
			}
		}
	}
	s.change.Broadcast()
	s.mu.Unlock()
	for _, o := range dropped {
		if o.over != nil {
			o.over()
		}
	}
}

// idle waits until nothing waits to be written or is being written, as long as ctx allows, and says whether that is so.
func (s *sender) idle(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy && ctx.Err() == nil {
		s.change.Wait()
	}
	return !s.busy
}
