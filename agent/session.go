package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// session is one stream to a peer, from its opening to its end, seen by the side that calls. When it ends
// every call on it ends; none is carried over to the next session, where it could run twice.
type clientConn struct {
	conn
	link    *link
	tcp     *grpc.ClientConn
	cancel  context.CancelFunc // of the stream
	peer    *agentpb.Hello
	replies atomic.Pointer[repliesReader]

	mu    sync.Mutex
	calls map[uint64]*clientCall // nil once the session has ended
	err   *Error                 // why it ended
}

// start sends the call on its way.
func (s *clientConn) start(c *clientCall) {
	if c.msg != nil && c.msgFor != s && c.msg.unsent != nil { // and this stream's peer cannot read it
		c.finish(Reply{}, failure(codes.Unavailable, "the connection was lost before the call was sent").about(s.peer.GetName(), false))
		return
	}
	if size := c.body.Size(); uint64(size) > s.peer.GetMaxMessage() {
		if c.msg != nil {
			c.msg.discard()
		}
		c.finish(Reply{}, failure(codes.ResourceExhausted, "the body has %d bytes, the worker takes %d (its Limits.MaxMessage, --max-message)",
			size, s.peer.GetMaxMessage()).about(s.peer.GetName(), false))
		return
	}
	if c.msg == nil {
		c.msg = s.message(c, false)
	}
	c.msg.deadline = c.deadline
	if err := s.out.submit(c.msg, func() bool { return s.register(c) }); err != nil {
		c.msg.discard()
		c.finish(Reply{}, asError(err).about(s.peer.GetName(), false))
		return
	}
}

// message makes the request of a call.
func (s *clientConn) message(c *clientCall, copyNow bool) *message {
	head := frame.Frame{Kind: agentpb.Kind_KIND_REQUEST, Method: c.number, Detail: c.detail, Sizes: c.body.sizes(c.contiguous)}
	return s.shared.message(head, c.body, copyNow)
}

// sendControl sends what is about no call. It fails with the stream.
func (s *clientConn) sendControl(o *message) { _ = s.out.submitReply(o) }

// register gives the call its number. The sender calls it in the order in which the heads are written, so
// that the numbers that the peer sees rise. A call that was given up meanwhile is not sent.
func (s *clientConn) register(c *clientCall) bool {
	c.msg.head.Call = s.link.lastCall.Add(1)
	s.mu.Lock()
	if s.calls != nil {
		s.calls[c.msg.head.Call] = c
	}
	err := s.err
	s.mu.Unlock()
	c.session.Store(s)
	if !c.stage.CompareAndSwap(stageNew, stageSent) {
		s.take(c.msg.head.Call)
		return false
	}
	if err != nil {
		go c.finish(Reply{}, err.about(s.peer.GetName(), true)) // the sender's lock is held
	}
	return true
}

// take removes a call from the table. Whoever gets it true ends the call here.
func (s *clientConn) take(id uint64) *clientCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[id]
	delete(s.calls, id)
	return c
}

// waiting says whether there are calls without an outcome.
func (s *clientConn) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls) > 0
}

// lives says whether the session has not ended.
func (s *clientConn) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}

func (s *clientConn) find(id uint64) *clientCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// drop forgets a call that was given up, and tells the peer if it may have heard of it, which is what it returns.
func (s *clientConn) drop(c *clientCall) bool {
	id := c.msg.head.Call
	known := s.take(id) != nil
	s.link.release(c)
	started := s.out.withdraw(c.msg)
	if known && started {
		s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_CANCEL, Call: id}, nil))
	}
	return started
}

// run reads until the stream ends, and then ends the session.
func (s *clientConn) run() { s.end(s.read()) }

// handle takes one frame. An error ends the session.
func (s *clientConn) handle(f *frame.Frame) error {
	if f.Call == 0 || f.Call > s.link.lastCall.Load() {
		return fmt.Errorf("%w: an answer to call %d, which was never made", frame.ErrProtocol, f.Call)
	}
	c := s.find(f.Call)
	if c == nil {
		return nil // it was given up
	}
	switch f.Kind {
	case agentpb.Kind_KIND_REPLY:
		if c.arriving != nil {
			return fmt.Errorf("%w: a second reply to call %d", frame.ErrProtocol, f.Call)
		}
		return s.reply(c, f)
	case agentpb.Kind_KIND_CHUNK:
		if c.arriving == nil || c.placed {
			return fmt.Errorf("%w: a chunk without the reply to call %d", frame.ErrProtocol, f.Call)
		}
		return s.gather(c, f)
	case agentpb.Kind_KIND_FAILURE:
		st, _ := f.Detail.(*agentpb.Status)
		s.settle(c, Reply{}, fromStatus(st, s.peer.GetName()))
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %v from the called side", frame.ErrProtocol, f.Kind)
}

// reply begins to take in a reply, and ends the call if that is all of it.
func (s *clientConn) reply(c *clientCall, f *frame.Frame) error {
	total, err := bodySize(f.Sizes, s.link.agent.limits.MaxMessage)
	if err == nil {
		err = s.link.acquire(total)
	}
	if err != nil {
		s.settle(c, Reply{}, asError(err).about(s.peer.GetName(), true))
		return nil
	}
	c.arriving = newAssembly(f.Sizes, total)
	c.held.Store(total)
	if s.find(f.Call) == nil { // given up meanwhile, by someone who may not have seen what is held
		s.link.release(c)
		return nil
	}
	if f.Region != nil {
		return s.copyOut(c, f)
	}
	return s.gather(c, f)
}

// copyOut takes a reply from shared memory.
func (s *clientConn) copyOut(c *clientCall, f *frame.Frame) error {
	if len(f.Data) > 0 {
		return fmt.Errorf("%w: a body here and there", frame.ErrProtocol)
	}
	place, a := f.Region, c.arriving
	f.Region, c.placed = nil, true
	read := func() error {
		if err := s.shared.read(place, a, c.zeroCopy); err != nil {
			return err
		}
		s.settle(c, Reply{Body: a.body, memory: a.memory}, nil)
		return nil
	}
	if c.zeroCopy || a.missing < copyAside || c.alone {
		return read()
	}
	go func() {
		if err := read(); err != nil {
			s.end(err)
		}
	}()
	return nil
}

func (s *clientConn) gather(c *clientCall, f *frame.Frame) error {
	if err := c.arriving.add(f.Data); err != nil {
		return err
	}
	if c.arriving.complete() {
		s.settle(c, Reply{Body: c.arriving.body, memory: c.arriving.memory}, nil)
	}
	return nil
}

// settle ends a call with what the peer said.
func (s *clientConn) settle(c *clientCall, reply Reply, err *Error) {
	s.link.release(c)
	if s.take(c.msg.head.Call) == nil {
		reply.Free()
		return
	}
	s.out.withdraw(c.msg) // a reply may come before the request is out, if it was refused
	switch {
	case err != nil:
		c.finish(Reply{}, err)
	case !c.finish(reply, nil):
		reply.Free()
	}
}

// end ends the session: everything on it has failed.
func (s *clientConn) end(cause error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = s.reason(cause)
	calls := s.calls
	s.calls = nil
	s.mu.Unlock()

	s.cancel()
	s.out.close(s.err.about(s.peer.GetName(), false))
	s.link.lost(s)
	for _, c := range calls {
		s.link.release(c)
		c.finish(Reply{}, s.err.about(s.peer.GetName(), s.out.withdraw(c.msg)))
	}
	go s.shared.close() // waits for who copies
	go s.tcp.Close()    // waits for goroutines of grpc, of which this may be one
}

// reason says why the session ended in the terms in which calls end.
func (s *clientConn) reason(cause error) *Error {
	if errors.Is(cause, ErrClosed) {
		return errClosed()
	}
	if errors.Is(cause, frame.ErrProtocol) {
		return failure(codes.Internal, "%w", cause)
	}
	e := asError(cause)
	switch e.Code {
	case codes.Unavailable, codes.Unauthenticated, codes.PermissionDenied, codes.FailedPrecondition, codes.AlreadyExists:
		return e
	}
	return failure(codes.Unavailable, "the connection ended: %w", cause)
}
