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
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// clientCall is a call that this agent has made.
type clientCall struct {
	Future
	agent      *Agent
	link       *link // nil for a call to self
	method     *method
	number     agentpb.Method // of the method, on the wire
	body       Body
	contiguous bool // the peer gets its segments as one
	zeroCopy   bool // the reply's body need not be copied
	detail     proto.Message
	began      time.Time
	stop       atomic.Pointer[func() bool] // ends the watch over the caller's context

	deadline time.Time
	msg      *message
	msgFor   *clientConn                // that msg was made for, if it was made before the call was to be sent
	arriving *assembly                  // the reply's body while it arrives; the session's reader's
	placed   bool                       // it is in shared memory; the session's reader's
	held     atomic.Int64               // bytes of the budgets for receiving
	session  atomic.Pointer[clientConn] // where it was sent; set before stage says so
	stage    atomic.Uint32
	reads    atomic.Pointer[callersRead] // where the caller reads for itself
	alone    bool                        // the caller takes in its reply itself; the session's reader's
}

// The stages of a call: whoever moves it on from new decides whether it is sent.
const (
	stageNew uint32 = iota
	stageSent
	stageGivenUp
)

// newClientCall counts a call, or says why it cannot be made.
func (a *Agent) newClientCall(ctx context.Context, l *link, m agentpb.Method, req Request, detail proto.Message) (*clientCall, error) {
	c := &clientCall{agent: a, link: l, method: methodOf(m), number: m, body: req.Body, zeroCopy: req.ZeroCopy, detail: detail, began: time.Now()}
	c.done = make(chan struct{})
	c.cancel = c.abandon
	c.read = c.readWhile
	c.deadline, _ = ctx.Deadline()
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

// keepBody copies a body that its owner will change, or that this worker gets itself in another form: into shared
// memory, where there is some.
func (c *clientCall) keepBody(req Request) {
	c.contiguous = req.Contiguous
	if c.link != nil && !req.CopyNow {
		return
	}
	if c.link != nil {
		if s := c.link.current.Load(); s != nil {
			c.msg, c.msgFor = s.message(c, true), s
			return
		}
	}
	c.body = req.owned()
}

// acquire counts the call against the limits.
func (c *clientCall) acquire() error {
	if size := c.body.Size(); size > c.agent.limits.MaxMessage || len(c.body) > frame.MaxSegments {
		return failure(codes.ResourceExhausted, "the body has %d bytes in %d segments, allowed are %d (Limits.MaxMessage, --max-message) in %d",
			size, len(c.body), c.agent.limits.MaxMessage, frame.MaxSegments)
	}
	if !c.method.limited {
		return nil
	}
	if err := c.agent.calls.Acquire(1); err != nil {
		return ofRoom(err)
	}
	if c.link == nil {
		return nil
	}
	if err := c.link.calls.Acquire(1); err != nil {
		c.agent.calls.Release(1)
		return ofRoom(err).about(c.link.to.Name, false)
	}
	return nil
}

// finish sets the outcome unless there is one, and returns whether it did.
func (c *clientCall) finish(reply Reply, err error) bool {
	if !c.decide() {
		return false
	}
	c.conclude(reply, err)
	return true
}

// theCall is what an error is about that has nothing more to say.
const theCall = "the call"

// timed says of a call that ended with its deadline how long that was, and what it was doing if that is known.
func (c *clientCall) timed(err error) error {
	var e *Error
	if !c.method.limited || c.deadline.IsZero() || !errors.As(err, &e) || e.Code != codes.DeadlineExceeded || time.Now().Before(c.deadline) {
		return err // or it is about another deadline than this call's
	}
	out := *e
	out.Text = overdue(c.deadline.Sub(c.began))
	if doing := e.withoutCause(); doing != theCall && !strings.HasPrefix(doing, out.Text) {
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
	if c.method.limited {
		c.agent.calls.Release(1)
		if c.link != nil {
			c.link.calls.Release(1)
		}
	}
	c.agent.count.callDone(c, err)
	c.complete(reply, err, func() { c.agent.activity.Done(c.method.barrier) })
	if r := c.reads.Load(); r != nil {
		r.interrupt()
	}
}

// abandon ends the call for the caller, and asks the peer to stop if it may have heard of the request.
func (c *clientCall) abandon(cause error) {
	if !c.decide() {
		return
	}
	err := ended(cause, theCall)
	switch {
	case c.link == nil:
		err.Ran = true
	case c.stage.CompareAndSwap(stageNew, stageGivenUp):
		err = ended(cause, "the call, before it was sent").about(c.link.to.Name, false)
	default:
		err = err.about(c.link.to.Name, c.session.Load().drop(c))
	}
	c.conclude(Reply{}, err)
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

// readWhile reads for the call, if nobody else does and there is a ring to read.
func (c *clientCall) readWhile(ctx context.Context) {
	if s := c.session.Load(); s != nil {
		(*s.replies.Load()).readWhile(ctx, c)
	}
}

// watch ends the call with its context, for callers who do not wait in between.
func (c *clientCall) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { c.abandon(ctx.Err()) })
	c.stop.Store(&stop)
	if c.ending.Load() { // and maybe did not see what was just stored
		stop()
	}
}
