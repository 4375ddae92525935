package pyworker

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/threadlimit"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// laterType is what [pybridge.Object.TypeName] says of the Later of gopyrpc/_rpc/later.py.
const laterType = pyname.Package + "._rpc.later.Later"

// Execute runs a pickled PythonUDF for a peer. An exception that the function raises is a reply, not an error.
func (w *Worker) Execute(ctx context.Context, req agent.Request) (agent.Reply, error) {
	var reply agent.Reply
	held := false
	defer func() {
		if !held {
			req.Free()
		}
	}()
	err := w.serve(ctx, req, func(ctx context.Context, c served, data []byte, extra *pybridge.Object) error {
		serve := w.python.serve
		if c.caller.gate != nil {
			serve = w.python.serveBeside
		}
		out, err := serve.CallBytesLent(ctx, data, extra)
		if held = out.PayloadHeld; err != nil {
			return err
		}
		result := out.Object
		if result == nil {
			reply.Body = agent.Bytes(out.Data)
			if out.Owner != nil {
				reply.Release = out.Owner.Release
			}
		} else {
			m, err := w.finish(ctx, c.caller.object, result)
			result.Release()
			if err != nil {
				return err
			}
			reply = m.reply()
		}
		if err = c.call.Result(reply.Body.Size()); err != nil && reply.Release != nil {
			reply.Release()
		}
		return err
	})
	var refused *refusedError
	if errors.As(err, &refused) {
		data, err := refused.pickled(w.agent.Name())
		return agent.Reply{Body: agent.Bytes(data)}, err
	}
	if err != nil {
		return agent.Reply{}, err
	}
	return reply, nil
}

// ExecuteRemote runs a pickled PythonUDF for a peer, and keeps the result as the value of an RRef.
func (w *Worker) ExecuteRemote(ctx context.Context, req agent.Request) (agent.Value, error) {
	var kept *value
	err := w.serve(ctx, req, func(ctx context.Context, c served, data []byte, extra *pybridge.Object) error {
		var result *pybridge.Object
		err := gil.With(ctx, func(t gil.Token) (err error) {
			c.call.Entered()
			serve := w.python.serveRemote
			if c.caller.gate != nil {
				serve = w.python.serveRemoteBeside
			}
			result, err = serve.Call(t, data, extra)
			return err
		})
		if err == nil {
			err = stopped(ctx)
		}
		if err != nil {
			result.Release()
			return err
		}
		kept, err = w.keep(ctx, c.caller.object, result)
		return err
	})
	var refused *refusedError
	if errors.As(err, &refused) {
		data, err := refused.pickled(w.agent.Name())
		return refusedValue{data}, err
	}
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// served is a request in execution: the peer that made it, and its account.
type served struct {
	caller *caller
	call   *budget.Call // nil for a peer without a budget
}

// enter begins the execution of a request of the peer that ctx names. The caller must end the served call.
func (w *Worker) enter(ctx context.Context, what string) (context.Context, served, error) {
	peer, _ := agent.PeerFrom(ctx)
	ctx, call, err := w.accounts.begin(ctx, peer)
	if err != nil {
		return ctx, served{}, err
	}
	ctx = gil.WithLabel(ctx, what+peer.Name)
	var entered func()
	if call != nil {
		entered = call.Entered
	}
	ctx = callcontext.WaitForCompletion(ctx, entered)
	caller, err := w.caller(ctx, peer)
	if err != nil {
		call.End()
	}
	return ctx, served{caller, call}, err
}

// serve finds the caller of a request, and calls run with the request in the form that the functions of serve.py take.
func (w *Worker) serve(ctx context.Context, req agent.Request,
	run func(ctx context.Context, c served, data []byte, extra *pybridge.Object) error) error {
	ctx, c, err := w.enter(ctx, "call from worker ")
	if err != nil {
		return refusal(ctx, err)
	}
	defer c.call.End()
	if c.caller.gate != nil {
		return refusal(ctx, w.serveRestricted(ctx, c, req, run))
	}
	p, err := w.payload(ctx, req.Body)
	if err != nil {
		return refusal(ctx, err)
	}
	extra := c.caller.object
	if len(p.Tensors) > 0 {
		req.Free() // all of it was copied
		defer p.Release()
		if extra, err = w.withTensors(ctx, c.caller.object, p); err != nil {
			return refusal(ctx, err)
		}
		defer extra.Release()
	}
	return refusal(ctx, run(ctx, c, p.Data, extra))
}

// withTensors makes a list [other, tensors], which serve.py takes beside a pickle, and releases the payload.
func (w *Worker) withTensors(ctx context.Context, other *pybridge.Object, p handler.Payload) (extra *pybridge.Object, err error) {
	table := make([]any, len(p.Tensors))
	for i, tensor := range p.Tensors {
		table[i] = tensor.Object()
	}
	err = w.inside(ctx, func(t gil.Token) error {
		defer p.Release()
		extra, err = pybridge.ToPython(t, []any{other, table})
		return err
	})
	return extra, err
}

// finish makes a message of a result that is not bytes alone: a list of bytes, (bytes, tensors), or a Later of any of
// these. It releases the result unless it is a Later.
func (w *Worker) finish(ctx context.Context, caller, result *pybridge.Object) (m message, err error) {
	kind := ""
	err = w.inside(context.WithoutCancel(ctx), func(t gil.Token) (err error) {
		if kind, err = result.TypeName(t); err != nil || kind == laterType {
			return err
		}
		defer result.Release()
		if kind == "list" {
			m, err = viewOfList(t, result)
		} else {
			m, err = w.flat(t, result)
		}
		return err
	})
	if err != nil || kind != laterType {
		return m, err
	}
	return awaitLater(ctx, w, result, func(t gil.Token, deliver *pybridge.Object) error {
		return discard(w.python.whenDone.Call(t, result, caller, deliver))
	}, w.messageOf, message.release)
}

// awaitLater has Python call deliver with the outcome of a Later, and waits for what read makes of the outcome. When ctx
// ends first, the coroutine behind it is cancelled, and an outcome that comes all the same goes to drop.
func awaitLater[T any](ctx context.Context, w *Worker, later *pybridge.Object, ask func(t gil.Token, deliver *pybridge.Object) error,
	read func(context.Context, any) (T, error), drop func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	came := make(chan outcome, 1)
	var left atomic.Bool
	dropLate := func() {
		select {
		case o := <-came:
			if o.err == nil {
				drop(o.value)
			}
		default:
		}
	}
	err := w.inside(ctx, func(t gil.Token) error {
		deliver, err := pybridge.NewFunc(t, w.ctx, "deliver", func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			value, err := read(ctx, args[0])
			came <- outcome{value, err}
			if left.Load() {
				dropLate()
			}
			return nil, nil
		}, pybridge.InPlace())
		if err != nil {
			return err
		}
		defer deliver.Release()
		return ask(t, deliver)
	})
	if err == nil {
		select {
		case o := <-came:
			return o.value, o.err
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	left.Store(true)
	dropLate()
	_ = w.inside(context.WithoutCancel(ctx), func(t gil.Token) error { // fails where Python is closed: nothing runs there
		return discard(w.python.abandon.Call(t, later))
	})
	return *new(T), err
}

// refusal makes of an error of the layers below the error that the peer is told.
func refusal(ctx context.Context, err error) error {
	var interrupted *gil.InterruptedError
	var threads *threadlimit.Error
	over := beyondBudget(err)
	switch {
	case err == nil:
		return nil
	case over != nil:
		return over
	case errors.As(err, &interrupted):
		code := codes.Canceled
		if errors.Is(err, context.DeadlineExceeded) {
			code = codes.DeadlineExceeded
		}
		return &agent.Error{Code: code, Text: interrupted.Error(), Err: err, Ran: true}
	case errors.Is(err, pybridge.ErrClosed), errors.Is(err, pybridge.ErrReleased):
		return &agent.Error{Code: codes.Unavailable, Text: "this worker is leaving: Python is closed", Err: err}
	case errors.As(err, &threads):
		return &agent.Error{Code: codes.ResourceExhausted, Text: err.Error(), Err: err}
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return context.Cause(ctx)
	}
	return err
}
