package agent

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// serverCall is a request that arrives or is executed.
type serverCall struct {
	id          uint64
	method      *method
	detail      proto.Message
	total       int64
	body        *assembly
	place       *agentpb.Place // where the body still is
	ctx         context.Context
	cancel      context.CancelFunc
	begun       bool  // the execution; known to who reads the stream
	notifyLater bool  // the peer need not be woken for the reply
	early       error // what went wrong before the execution
	canceled    bool  // guarded by serverConn.mu
}

// acquire counts a request against the limits.
func (in *serverConn) acquire(c *serverCall, f *frame.Frame) error {
	total, err := bodySize(f.Sizes, in.agent.limits.MaxMessage)
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
	if !c.method.limited {
		in.control.Release(1)
		return
	}
	in.inExecution().Release(1)
	in.bytes().Release(c.total)
}

// inExecution are the budgets of requests in execution.
func (in *serverConn) inExecution() quota.Pair {
	return quota.Pair{Own: &in.serving, All: &in.agent.serving}
}

// bytes are the budgets of bytes that are held.
func (in *serverConn) bytes() quota.Pair {
	return quota.Pair{Own: &in.incoming, All: &in.agent.incoming}
}

// execute runs a request and answers it.
func (in *serverConn) execute(c *serverCall) {
	var reply Reply
	err := c.early
	if failed := in.copyOut(c, in.agent.config.ZeroCopy); failed != nil {
		in.kick(failed)
		err = failed
	}
	if err == nil {
		reply, err = c.method.serve(c.ctx, in.agent, &in.peer, Request{Body: c.body.body, memory: c.body.memory}, c.detail)
	}
	in.mu.Lock()
	canceled := c.canceled
	in.mu.Unlock()
	in.forget(c)
	over := func() {
		in.release(c)
		in.agent.activity.Done(c.method.barrier)
	}
	defer reply.done()
	if canceled {
		over()
		return
	}
	if err != nil {
		err = in.agent.ownEnd(err)
	}
	o := in.answer(c.id, reply, err, c.early == nil)
	o.head.notifyLater = c.notifyLater
	o.over = over
	if in.out.submitReply(o) != nil {
		o.discard()
		over() // nobody is there to be told
	}
}

func (in *serverConn) answer(id uint64, reply Reply, err error, ran bool) *message {
	body := reply.Body
	if size := body.Size(); err == nil && (size > in.agent.limits.MaxMessage || len(body) > frame.MaxSegments) {
		err = failure(codes.ResourceExhausted, "the reply has %d bytes in %d segments, allowed are %d (Limits.MaxMessage, --max-message) in %d",
			size, len(body), in.agent.limits.MaxMessage, frame.MaxSegments)
	}
	if err != nil {
		return newMessage(frame.Frame{Kind: agentpb.Kind_KIND_FAILURE, Call: id, Detail: toStatus(err, ran)}, nil)
	}
	head := frame.Frame{Kind: agentpb.Kind_KIND_REPLY, Call: id, Sizes: body.sizes(reply.Contiguous)}
	return in.shared.message(head, body, reply.Release != nil)
}

// refuse answers a request that was not run. While the peer takes none of its refusals, nothing more is
// read from it: they would fill the memory.
func (in *serverConn) refuse(id uint64, err error) {
	in.out.waitHeads(maxRefusals)
	_ = in.out.submit(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_FAILURE, Call: id, Detail: toStatus(err, false)}, nil), nil)
}
