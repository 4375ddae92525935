package agent

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// clientCall is a call that this agent has made: its Future, how it is counted, and what the transport knows of it.
type clientCall struct {
	Future
	transport.Call
	agent  *Agent
	peer   *transport.Peer // nil for a call to self
	method *method
	began  time.Time
	stop   atomic.Pointer[func() bool] // ends the watch over the caller's context
}

// newClientCall counts a call, or says why it cannot be made.
func (a *Agent) newClientCall(ctx context.Context, p *transport.Peer, m agentpb.Method, req Request, detail proto.Message) (*clientCall, error) {
	c := &clientCall{
		Call:  transport.Call{Method: m, Detail: detail, Body: transport.Body(req.Body), Contiguous: req.Contiguous, ZeroCopy: req.ZeroCopy},
		agent: a, peer: p, method: methodOf(m), began: time.Now(),
	}
	c.Outcome = c
	c.done = make(chan struct{})
	c.cancel = c.Abandon
	c.read = c.ReadWhile
	c.Deadline, _ = ctx.Deadline()
	if err := a.activity.Call(c.method.barrier); err != nil {
		return nil, err
	}
	if err := c.acquire(); err != nil {
		a.activity.Done(c.method.barrier)
		return nil, err
	}
	c.keepBody(req)
	return c, nil
}

// keepBody copies a body that its owner will change, or that this worker gets itself in another form.
func (c *clientCall) keepBody(req Request) {
	switch {
	case c.peer != nil && !req.CopyNow:
	case c.peer != nil && c.peer.Keep(&c.Call):
	default:
		c.Body = transport.Body(req.owned())
	}
}

// acquire counts the call against the limits.
func (c *clientCall) acquire() error {
	if size := c.Body.Size(); size > c.agent.limits.MaxMessage || len(c.Body) > frame.MaxSegments {
		return failure(codes.ResourceExhausted, "the body has %d bytes in %d segments, allowed are %d (Limits.MaxMessage, --max-message) in %d",
			size, len(c.Body), c.agent.limits.MaxMessage, frame.MaxSegments)
	}
	if !c.method.Limited {
		return nil
	}
	if err := c.agent.calls.Acquire(1); err != nil {
		return ofRoom(err)
	}
	if c.peer == nil {
		return nil
	}
	if err := c.peer.Calls.Acquire(1); err != nil {
		c.agent.calls.Release(1)
		return ofRoom(err).about(c.peer.Name(), false)
	}
	return nil
}

// Finish sets the outcome unless there is one, and returns whether it did.
func (c *clientCall) Finish(reply transport.Reply, err *rpcerr.Error) bool {
	if err != nil {
		return c.finish(Reply{}, ofRoom(err))
	}
	return c.finish(Reply{Body: Body(reply.Body), memory: reply.Memory}, nil)
}

func (c *clientCall) finish(reply Reply, err error) bool {
	if !c.decide() {
		return false
	}
	c.conclude(reply, err)
	return true
}

// timed says of a call that ended with its deadline how long that was, and what it was doing if that is known.
func (c *clientCall) timed(err error) error {
	var e *Error
	if !c.method.Limited || c.Deadline.IsZero() || !errors.As(err, &e) || e.Code != codes.DeadlineExceeded || time.Now().Before(c.Deadline) {
		return err // or it is about another deadline than this call's
	}
	out := *e
	out.Text = overdue(c.Deadline.Sub(c.began))
	if doing := e.withoutCause(); doing != rpcerr.TheCall && !strings.HasPrefix(doing, out.Text) {
		out.Text += ": " + doing
	}
	return &out
}

// conclude sets the outcome that was decided.
func (c *clientCall) conclude(reply Reply, err error) {
	if err != nil {
		err = c.timed(err)
	}
	if stop := c.stop.Load(); stop != nil {
		(*stop)()
	}
	if c.method.Limited {
		c.agent.calls.Release(1)
		if c.peer != nil {
			c.peer.Calls.Release(1)
		}
	}
	c.agent.count.callDone(c, err)
	c.complete(reply, err, func() { c.agent.activity.Done(c.method.barrier) })
	c.Ended()
}

// Abandon ends the call for the caller, and asks the peer to stop if it may have heard of the request.
func (c *clientCall) Abandon(cause error) {
	if !c.decide() {
		return
	}
	err := ended(cause, rpcerr.TheCall)
	if c.peer == nil {
		err.Ran = true
	} else if sent, heard := c.Call.Abandon(); sent {
		err = err.about(c.peer.Name(), heard)
	} else {
		err = ended(cause, "the call, before it was sent").about(c.peer.Name(), false)
	}
	c.conclude(Reply{}, err)
}

// watch ends the call with its context, for callers who do not wait in between.
func (c *clientCall) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { c.Abandon(ctx.Err()) })
	c.stop.Store(&stop)
	if c.ending.Load() { // and maybe did not see what was just stored
		stop()
	}
}
