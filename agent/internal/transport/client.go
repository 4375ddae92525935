package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// clientConn is one stream to a peer, from its opening to its end, seen by the side that calls. When it ends
// every call on it ends; none is carried over to the next connection, where it could run twice.
type clientConn struct {
	conn
	to      *Peer
	tcp     *grpc.ClientConn
	cancel  context.CancelFunc // of the stream
	peer    *agentpb.Hello
	replies atomic.Pointer[repliesReader]

	mu    sync.Mutex
	calls map[uint64]*Call // nil once the connection has ended
	err   *rpcerr.Error    // why it ended
}

// start sends the call on its way.
func (s *clientConn) start(c *Call) {
	if c.msg != nil && c.msgFor != s && c.msg.unsent != nil { // and this stream's peer cannot read it
		c.Outcome.Finish(Reply{}, rpcerr.Errorf(codes.Unavailable, "the connection was lost before the call was sent").About(s.peer.GetName(), false))
		return
	}
	if size := c.Body.Size(); uint64(size) > s.peer.GetMaxMessage() {
		if c.msg != nil {
			c.msg.discard()
		}
		c.Outcome.Finish(Reply{}, rpcerr.Errorf(codes.ResourceExhausted, "the body has %d bytes, the worker takes %d (its Limits.MaxMessage, --max-message)",
			size, s.peer.GetMaxMessage()).About(s.peer.GetName(), false))
		return
	}
	if c.msg == nil {
		c.msg = s.newRequest(c, false)
	}
	c.msg.deadline = c.Deadline
	if err := s.out.submit(c.msg, func() bool { return s.register(c) }); err != nil {
		c.msg.discard()
		c.Outcome.Finish(Reply{}, rpcerr.From(err).About(s.peer.GetName(), false))
		return
	}
}

// newRequest makes the request of a call.
func (s *clientConn) newRequest(c *Call, copyNow bool) *message {
	head := frame.Frame{Kind: agentpb.Kind_KIND_REQUEST, Method: c.Method, Detail: c.Detail, Sizes: c.Body.sizes(c.Contiguous)}
	return s.shared.newMessage(head, c.Body, copyNow)
}

// sendControl sends what is about no call. It fails with the stream.
func (s *clientConn) sendControl(o *message) { _ = s.out.submitReply(o) }

// register gives the call its number. The sender calls it in the order in which the heads are written, so
// that the numbers that the peer sees rise. A call that was given up meanwhile is not sent.
func (s *clientConn) register(c *Call) bool {
	c.msg.head.Call = s.to.lastCall.Add(1)
	s.mu.Lock()
	if s.calls != nil {
		s.calls[c.msg.head.Call] = c
	}
	err := s.err
	s.mu.Unlock()
	c.conn.Store(s)
	if !c.stage.CompareAndSwap(stageNew, stageSent) {
		s.take(c.msg.head.Call)
		return false
	}
	if err != nil {
		go c.Outcome.Finish(Reply{}, err.About(s.peer.GetName(), true)) // the sender's lock is held
	}
	return true
}

// take removes a call from the table. The goroutine that gets it ends the call.
func (s *clientConn) take(id uint64) *Call {
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

// lives says whether the connection has not ended.
func (s *clientConn) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}

func (s *clientConn) find(id uint64) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// drop forgets a call that was given up, and tells the peer if it may have heard of it, which is what it returns.
func (s *clientConn) drop(c *Call) bool {
	id := c.msg.head.Call
	known := s.take(id) != nil
	s.to.release(c)
	started := s.out.withdraw(c.msg)
	if known && started {
		s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_CANCEL, Call: id}, nil))
	}
	return started
}

// run reads until the stream ends, and then ends the connection.
func (s *clientConn) run() { s.end(s.read()) }

// handle takes a frame.
func (s *clientConn) handle(f *frame.Frame) error {
	if f.Call == 0 || f.Call > s.to.lastCall.Load() {
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
func (s *clientConn) reply(c *Call, f *frame.Frame) error {
	total, err := bodySize(f.Sizes, s.to.transport.limits.MaxMessage)
	if err == nil {
		err = s.to.acquire(total)
	}
	if err != nil {
		s.settle(c, Reply{}, rpcerr.From(err).About(s.peer.GetName(), true))
		return nil
	}
	c.arriving = newAssembly(f.Sizes, total)
	c.held.Store(total)
	if s.find(f.Call) == nil { // given up meanwhile, by a caller that may not have seen what is held
		s.to.release(c)
		return nil
	}
	if f.Region != nil {
		return s.copyOut(c, f)
	}
	return s.gather(c, f)
}

// copyOut takes a reply from shared memory.
func (s *clientConn) copyOut(c *Call, f *frame.Frame) error {
	if len(f.Data) > 0 {
		return fmt.Errorf("%w: a body here and there", frame.ErrProtocol)
	}
	region, a := f.Region, c.arriving
	f.Region, c.placed = nil, true
	read := func() error {
		if err := s.shared.read(region, a, c.ZeroCopy); err != nil {
			return err
		}
		s.settle(c, Reply{Body: a.body, Memory: a.memory}, nil)
		return nil
	}
	if c.ZeroCopy || a.missing < copyAside || c.alone {
		return read()
	}
	go func() {
		if err := read(); err != nil {
			s.end(err)
		}
	}()
	return nil
}

func (s *clientConn) gather(c *Call, f *frame.Frame) error {
	if err := c.arriving.add(f.Data); err != nil {
		return err
	}
	if c.arriving.complete() {
		s.settle(c, Reply{Body: c.arriving.body, Memory: c.arriving.memory}, nil)
	}
	return nil
}

// settle ends a call with what the peer said.
func (s *clientConn) settle(c *Call, reply Reply, err *rpcerr.Error) {
	s.to.release(c)
	wanted := s.take(c.msg.head.Call) != nil
	if wanted {
		s.out.withdraw(c.msg) // a reply may come before the request is out, if it was refused
		wanted = c.Outcome.Finish(reply, err)
	}
	if !wanted {
		reply.Free()
	}
}

// end ends the connection: everything on it has failed.
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
	s.out.close(s.err.About(s.peer.GetName(), false))
	s.to.lost(s)
	for _, c := range calls {
		s.to.release(c)
		c.Outcome.Finish(Reply{}, s.err.About(s.peer.GetName(), s.out.withdraw(c.msg)))
	}
	go s.shared.close() // waits until bodies are copied out
	go s.tcp.Close()    // waits for goroutines of grpc, of which this may be one
}

// ErrLost is for a call whose connection ended before the call did, and whose peer may be there all the same.
var ErrLost = errors.New("the connection was lost")

// lost is a cause that is ErrLost.
type lost struct{ error }

func (l lost) Unwrap() []error { return []error{l.error, ErrLost} }

// reason says why the connection ended in the terms in which calls end.
func (s *clientConn) reason(cause error) *rpcerr.Error {
	if errors.Is(cause, rpcerr.ErrClosed) {
		return rpcerr.Closed()
	}
	if errors.Is(cause, frame.ErrProtocol) {
		return rpcerr.Errorf(codes.Internal, "%w", cause)
	}
	e := rpcerr.From(cause)
	switch e.Code {
	case codes.Unauthenticated, codes.PermissionDenied, codes.FailedPrecondition, codes.AlreadyExists:
		return e
	case codes.Unavailable:
	default:
		e = rpcerr.Errorf(codes.Unavailable, "the connection ended: %w", cause)
	}
	return &rpcerr.Error{Code: e.Code, Worker: e.Worker, Text: e.Text, Ran: e.Ran, Err: lost{cause}}
}
