package pyworker

import (
	"context"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/panics"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// maxTensors is how many tensors a payload of a restricted peer may have. Each is an object of 0.5 KiB, whatever its size.
const maxTensors = 1 << 16

// admitted is a payload of a restricted peer that its list has let in, in the form that the functions of
// gopyrpc/_rpc/serve.py take.
type admitted struct {
	data    []byte           // a canonical pickle
	beside  *pybridge.Object // the values beside the pickle, and the tensors: see _restricted/canonical.py
	release func()
}

// gateFunc checks a pickle against a list.
type gateFunc func(context.Context, [][]byte) (handler.Opened, error)

// admit checks a body against a peer's list. It reads nothing twice of the body's memory, which the peer may still write
// to, and the result does not refer to that memory.
//
// A panic is a refusal: a reply may be read on a goroutine on which a panic ends the process, which no mistake of the
// reader must do.
func (w *Worker) admit(ctx context.Context, body agent.Body, gate gateFunc) (a admitted, err error) {
	var opened handler.Opened
	panics.Catch(func() error {
		a, err = w.admitOrPanic(ctx, body, gate, &opened)
		return err
	}, func(e panics.End) {
		if e.Panic != nil {
			w.refusals.log.Error("pyworker: reading what a restricted peer has sent panicked", "panic", e.Panic.Value, "stack", e.Panic.Stack)
			opened.Release()
			a, err = admitted{}, &pickle.Error{Rule: "it cannot be read: a mistake of the reader, which its log has"}
		}
	})
	return a, err
}

// admitOrPanic is admit without its promise about panics. It sets opened to what a list has let in, for as long as
// nothing of admitted refers to it.
func (w *Worker) admitOrPanic(ctx context.Context, body agent.Body, gate gateFunc, opened *handler.Opened) (_ admitted, err error) {
	if !isFlat(body) {
		opened, err := gate(ctx, body.Segments())
		return admitted{data: opened.Data, beside: opened.Beside, release: opened.Release}, err
	}
	p, err := w.unflatten(ctx, body, maxTensors, func(data []byte) (err error) {
		*opened, err = gate(ctx, [][]byte{data})
		return err
	})
	if err != nil {
		opened.Release()
		return admitted{}, err
	}
	if len(p.Tensors) == 0 {
		return admitted{data: opened.Data, beside: opened.Beside, release: opened.Release}, nil
	}
	defer p.Release()
	defer opened.Release()
	beside, err := w.withTensors(ctx, opened.Beside, p)
	if err != nil {
		return admitted{}, err
	}
	return admitted{data: opened.Data, beside: beside, release: beside.Release}, nil
}

// refusedError is the error of a request that the peer's list does not let in.
type refusedError struct{ refused }

func (e *refusedError) Error() string { return e.text }

// serveRestricted is serve for a restricted peer. A request that is refused does not enter Python.
func (w *Worker) serveRestricted(ctx context.Context, c served, req agent.Request, run func(context.Context, served, []byte, *pybridge.Object) error) error {
	a, err := w.admit(ctx, req.Body, c.caller.gate.Request)
	if r, ok := refusedOf(err); ok {
		w.refusals.add(c.caller.name, r)
		return &refusedError{r}
	}
	if err != nil {
		return err
	}
	defer a.release()
	req.Free()
	return run(ctx, c, a.data, a.beside)
}

// refusedValue is the value of an RRef whose function was refused.
type refusedValue struct{ data []byte }

// Fetch returns the RemoteException, pickled.
func (v refusedValue) Fetch(context.Context) (agent.Body, error) { return agent.Bytes(v.data), nil }

// Release does nothing: the value is Go's memory.
func (refusedValue) Release() {}

// local returns the RemoteException as a new Python object, for the value's owner.
func (v refusedValue) local(ctx context.Context, w *Worker) (o *pybridge.Object, err error) {
	return w.handler.Deserialize(gil.WithLabel(ctx, "refusal"), handler.Payload{Data: v.data})
}
