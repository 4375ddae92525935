package transport

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Call is a call to a peer. The exported fields are set before [Peer.Send] and not changed.
type Call struct {
	Method     agentpb.Method
	Detail     proto.Message
	Body       Body
	Contiguous bool      // the peer gets the segments of Body as one
	ZeroCopy   bool      // the reply's body may lie in memory that the peer can still write to, until it is freed
	Deadline   time.Time // zero for none
	Outcome    Outcome

	msg    *message
	msgFor *clientConn                // that msg was made for, if it was made before the call was to be sent
	conn   atomic.Pointer[clientConn] // where it was sent; set before stage says so
	stage  atomic.Uint32
	held   atomic.Int64                // bytes of the budgets for receiving
	reads  atomic.Pointer[callersRead] // where the caller reads for itself

	// Of the goroutine that reads.
	arriving *assembly // the reply's body while it arrives
	placed   bool      // that body is in shared memory
	alone    bool      // the caller takes in its reply itself
}

// Outcome is what a call ends with. Its methods may be called from any goroutine, and must not block.
type Outcome interface {
	// Finish sets the outcome unless there is one, and returns whether it did.
	Finish(Reply, *rpcerr.Error) bool
	// Done is closed when there is an outcome.
	Done() <-chan struct{}
	// Abandon ends the call, unless it has ended, because its caller waits no longer. It has to call [Call.Abandon].
	Abandon(cause error)
}

// The stages of a call. The goroutine that moves it on from new decides whether it is sent.
const (
	stageNew uint32 = iota
	stageSent
	stageAbandoned
)

// Keep copies the body, into shared memory where there is some, so that its owner may change it. It is false, and has
// done nothing, while there is no connection to the peer.
func (p *Peer) Keep(c *Call) bool {
	s := p.current.Load()
	if s == nil {
		return false
	}
	c.msg, c.msgFor = s.newRequest(c, true), s
	return true
}

// Send sends a call. It waits for nothing but a connection, and does not return an error: the call ends with it.
func (p *Peer) Send(ctx context.Context, c *Call) {
	s, err := p.get(ctx)
	if err != nil {
		c.Outcome.Finish(Reply{}, err)
		return
	}
	s.start(c)
}

// Expect is for a call that was sent and for which nobody waits yet: its reply is read all the same.
func (c *Call) Expect() {
	if s := c.conn.Load(); s != nil {
		(*s.replies.Load()).expect()
	}
}

// ReadFor may read on this goroutine until the call has its outcome. The end of ctx abandons the call.
func (c *Call) ReadFor(ctx context.Context) {
	if s := c.conn.Load(); s != nil {
		(*s.replies.Load()).readFor(ctx, c)
	}
}

// ReadWhile may read on this goroutine until the call has its outcome, or ctx has ended, which does not end the call.
func (c *Call) ReadWhile(ctx context.Context) {
	if s := c.conn.Load(); s != nil {
		(*s.replies.Load()).readWhile(ctx, c)
	}
}

// Ended is for a call that has an outcome: what reads for it may end.
func (c *Call) Ended() {
	if r := c.reads.Load(); r != nil {
		r.interrupt()
	}
}

// Abandon gives a call up, and asks the peer to stop if it may have heard of the request. It returns whether the call was
// sent, and whether the peer may have heard of it. Another outcome must not be possible any more.
func (c *Call) Abandon() (sent, heard bool) {
	if c.stage.CompareAndSwap(stageNew, stageAbandoned) {
		return false, false
	}
	return true, c.conn.Load().drop(c)
}

// Incarnation is the life of the worker that the call was sent to; 0 if it was not sent.
func (c *Call) Incarnation() uint64 {
	if s := c.conn.Load(); s != nil {
		return s.peer.GetIncarnation()
	}
	return 0
}

// over says whether there is an outcome.
func (c *Call) over() bool {
	select {
	case <-c.Outcome.Done():
		return true
	default:
		return false
	}
}
