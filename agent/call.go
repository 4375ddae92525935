package agent

import (
	"context"

	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Call asks the worker to execute a request and waits for the reply. The deadline of ctx travels with it
// and ends the execution too; when ctx is cancelled the peer is told. A call ends exactly once, and is
// executed at most once: if the connection breaks it fails, with Error.Ran saying whether it may have run.
//
// Errors: always an *Error. ErrUnknownWorker, ErrClosed; the end of ctx; codes.ResourceExhausted when a
// limit, here or there, is reached; codes.Unavailable when the worker cannot be reached or the connection
// broke; whatever the worker's Executor returned.
func (a *Agent) Call(ctx context.Context, to string, req Request) (Reply, error) {
	return a.sync(ctx, to, agentpb.Method_METHOD_CALL, req, nil)
}

// CallAsync is Call without the waiting. It does not block; what goes wrong is the Future's outcome.
func (a *Agent) CallAsync(ctx context.Context, to string, req Request) *Future {
	return a.async(ctx, to, agentpb.Method_METHOD_CALL, req, nil)
}

// CallHandled is CallAsync whose outcome goes to handle, which is called once, where the outcome comes in, and must not
// wait: maybe before CallHandled returns. For a Join the call goes on until handle has called over, which it must, once.
func (a *Agent) CallHandled(ctx context.Context, to string, req Request, handle func(reply Reply, err error, over func())) *Future {
	c, err := a.begin(ctx, to, agentpb.Method_METHOD_CALL, req, nil)
	if err != nil {
		handle(Reply{}, err, func() {})
		return failed(err)
	}
	c.handle = handle
	return a.launch(ctx, c)
}

func (a *Agent) sync(ctx context.Context, to string, m agentpb.Method, req Request, detail proto.Message) (Reply, error) {
	c, err := a.begin(ctx, to, m, req, detail)
	if err != nil {
		return Reply{}, err
	}
	return a.finishSync(ctx, c)
}

// finishSync sends a call and waits for its outcome.
func (a *Agent) finishSync(ctx context.Context, c *clientCall) (Reply, error) {
	if check := checkOf(ctx); check != nil {
		return a.finishChecked(ctx, c, check)
	}
	a.send(ctx, c)
	c.ReadFor(ctx)
	select {
	case <-c.done:
	case <-ctx.Done():
		c.Abandon(ctx.Err())
		<-c.done // at once: by Abandon, or by whoever was faster
	}
	return c.Future.reply, c.Future.err
}

func (a *Agent) async(ctx context.Context, to string, m agentpb.Method, req Request, detail proto.Message) *Future {
	c, err := a.begin(ctx, to, m, req, detail)
	if err != nil {
		return failed(err)
	}
	return a.launch(ctx, c)
}

// launch sends a call for a caller who does not wait.
func (a *Agent) launch(ctx context.Context, c *clientCall) *Future {
	c.watch(ctx)
	if c.peer == nil || c.peer.Incarnation() != 0 {
		a.sendAsync(ctx, c)
	} else {
		go a.sendAsync(ctx, c)
	}
	return &c.Future
}

// begin finds the worker and books the call.
func (a *Agent) begin(ctx context.Context, to string, m agentpb.Method, req Request, detail proto.Message) (*clientCall, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(err, "the call, before it was sent").about(to, false)
	}
	if to == a.config.Name {
		return a.newClientCall(ctx, nil, m, req, detail)
	}
	p, err := a.peers.to(to)
	if err != nil {
		return nil, err
	}
	return a.newClientCall(ctx, p, m, req, detail)
}

// sendAsync is send for a caller who does not wait.
func (a *Agent) sendAsync(ctx context.Context, c *clientCall) {
	a.send(ctx, c)
	c.Expect()
}

// send hands the call to the transport, or executes it here if it is for this worker.
func (a *Agent) send(ctx context.Context, c *clientCall) {
	if c.peer == nil {
		a.callSelf(c)
		return
	}
	c.peer.Send(ctx, &c.Call)
}

// failed is the Future of a call that could not be made.
func failed(err error) *Future {
	f := &Future{done: make(chan struct{}), cancel: func(error) {}}
	f.decide()
	f.complete(Reply{}, err, func() {})
	return f
}
