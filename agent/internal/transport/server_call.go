package transport

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// serverCall is a request that arrives or is executed.
type serverCall struct {
	request     Request
	id          uint64
	traits      Traits
	total       int64
	body        *assembly
	region      *agentpb.Place // where the body still is
	cancel      context.CancelFunc
	begun       bool // the execution; known to the goroutine that reads
	notifyLater bool // the peer need not be woken for the reply
	canceled    bool // guarded by serverConn.mu
}

// acquire counts a request against the limits.
func (in *serverConn) acquire(c *serverCall, f *frame.Frame) *rpcerr.Error {
	if !c.traits.Limited {
		return in.control.Acquire(1)
	}
	total, err := bodySize(f.Sizes, in.transport.limits.MaxMessage)
	if err != nil {
		return err
	}
	if err := in.inExecution().Acquire(1); err != nil {
		return err
	}
	if err := in.bytes().Acquire(total); err != nil {
		in.inExecution().Release(1)
		return err
	}
	c.total = total
	return nil
}

// release is acquire in reverse.
func (in *serverConn) release(c *serverCall) {
	if !c.traits.Limited {
		in.control.Release(1)
		return
	}
	in.inExecution().Release(1)
	in.bytes().Release(c.total)
}

// inExecution are the budgets of requests in execution.
func (in *serverConn) inExecution() quota.Pair {
	return quota.Pair{Own: &in.serving, All: &in.transport.Serving}
}

// bytes are the budgets of bytes that are held.
func (in *serverConn) bytes() quota.Pair {
	return quota.Pair{Own: &in.incoming, All: &in.transport.Incoming}
}

// execute runs a request and answers it.
func (in *serverConn) execute(c *serverCall) {
	var reply Reply
	refusal := ErrExited // unless Execute returns
	defer func() { in.finish(c, reply, refusal) }()
	if err := in.copyOut(c, in.transport.config.ZeroCopy); err != nil {
		in.kick(err)
		refusal = rpcerr.From(err)
	} else {
		c.request.Body, c.request.Memory = c.body.body, c.body.memory
		reply, refusal = in.handler.Execute(&c.request)
	}
}

// ErrExited is the answer to a request whose execution ended the goroutine (runtime.Goexit). Where that was the leader of
// a ring, the clock makes another goroutine the leader.
var ErrExited = rpcerr.Errorf(codes.Internal, "the executor ended its goroutine with runtime.Goexit")

// finish answers a request that was executed.
func (in *serverConn) finish(c *serverCall, reply Reply, refusal *rpcerr.Error) {
	in.mu.Lock()
	canceled := c.canceled
	in.mu.Unlock()
	in.forget(c)
	over := func() {
		in.release(c)
		in.handler.End(&c.request)
	}
	defer reply.done()
	if canceled {
		over()
		return
	}
	o := in.answer(c.id, reply, refusal)
	o.head.NotifyLater = c.notifyLater
	o.over = over
	if in.out.submitReply(o) != nil {
		o.discard()
		over() // the peer has gone
	}
}

// answer makes the reply to a request that was executed, or the failure.
func (in *serverConn) answer(id uint64, reply Reply, err *rpcerr.Error) *message {
	body, limit := reply.Body, in.transport.limits.MaxMessage
	if size := body.Size(); err == nil && (size > limit || len(body) > frame.MaxSegments) {
		err = rpcerr.Errorf(codes.ResourceExhausted, "the reply has %d bytes in %d segments, allowed are %d (Limits.MaxMessage, --max-message) in %d",
			size, len(body), limit, frame.MaxSegments)
	}
	if err != nil {
		return newMessage(frame.Frame{Kind: agentpb.Kind_KIND_FAILURE, Call: id, Detail: toStatus(err, true)}, nil)
	}
	head := frame.Frame{Kind: agentpb.Kind_KIND_REPLY, Call: id, Sizes: body.sizes(reply.Contiguous)}
	return in.shared.newMessage(head, body, reply.Release != nil)
}

// refuse answers a request that was not run. While the peer takes none of its refusals, nothing more is
// read from it: they would fill the memory.
func (in *serverConn) refuse(id uint64, err *rpcerr.Error) {
	in.out.waitHeads(maxRefusals)
	_ = in.out.submit(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_FAILURE, Call: id, Detail: toStatus(err, false)}, nil), nil)
}
