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

// maxTensors is how many may come with what a restricted peer sends: each is an object of half a kibibyte, whatever its size.
const maxTensors = 1 << 16

// admitted is what a restricted peer has sent and its list has let in, for the functions of gopyrpc/_rpc/serve.py that take
// such.
type admitted struct {
	data    []byte           // a canonical pickle
	beside  *pybridge.Object // what stands beside it, and the tensors: see _restricted/canonical.py
	release func()
}

// gateFunc holds a pickle to a list.
type gateFunc func(context.Context, [][]byte) (handler.Opened, error)

// admit holds a body to a list. It does not refer to the body's memory, which the peer may still write to: of that
// nothing is read twice.
//
// A panic is a refusal: a reply may be read on a goroutine where a panic would end the process, and a mistake in the
// reader must not do that.
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
		opened, err := gate(ctx, body)
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

// refusedError is a request that its peer's list did not let in.
type refusedError struct{ refused }

func (e *refusedError) Error() string { return e.text }

// serveRestricted is serve for a peer that may not send everything. What is refused does not enter Python.
func (w *Worker) serveRestricted(ctx context.Context, c served, req agent.Request, run func(context.Context, served, []byte, *pybridge.Object) error) error {
	a, err := w.admit(ctx, req.Body, c.caller.gate.Request)
	if r, ok := refusedOf(err); ok {
		w.refusals.say(c.caller.name, r)
		return &refusedError{r}
	}
	if err != nil {
		return err
	}
	defer a.release()
	req.Free()
	return run(ctx, c, a.data, a.beside)
}

// refusedValue is what a worker has that wanted to keep a value and was refused.
type refusedValue struct{ data []byte }

// Fetch gives the RemoteException, pickled.
func (v refusedValue) Fetch(context.Context) (agent.Body, error) { return agent.Bytes(v.data), nil }

// Release has nothing to give up.
func (refusedValue) Release() {}

// local is the RemoteException as the value's owner has it; the object is new.
func (v refusedValue) local(ctx context.Context, w *Worker) (o *pybridge.Object, err error) {
	return w.handler.Deserialize(gil.WithLabel(ctx, "refusal"), handler.Payload{Data: v.data})
}
