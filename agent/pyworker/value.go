package pyworker

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// value is the value of an RRef: a Python object, or the RemoteException that the function ended with.
type value struct {
	worker *Worker
	object *pybridge.Object
}

// keep makes a value of the result of a function. It waits for a result that is a Later.
func (w *Worker) keep(ctx context.Context, caller, result *pybridge.Object) (*value, error) {
	kind := ""
	err := w.inside(context.WithoutCancel(ctx), func(t gil.Token) (err error) {
		kind, err = result.TypeName(t)
		return err
	})
	if err != nil {
		result.Release()
		return nil, err
	}
	if kind != laterType {
		return &value{w, result.Named("value of an RRef")}, nil
	}
	defer result.Release()
	return awaitLater(ctx, w, result, func(t gil.Token, deliver *pybridge.Object) error {
		return discard(w.python.whenKept.Call(t, result, caller, deliver))
	}, func(ctx context.Context, boxed any) (*value, error) { return w.box(ctx, boxed) }, (*value).Release)
}

// box makes a value of the object in a Box, which Python passed as an argument. The argument itself is good only for the
// call.
func (w *Worker) box(ctx context.Context, boxed any) (*value, error) {
	o, ok := boxed.(*pybridge.Object)
	if !ok {
		return nil, errors.New("pyworker: Python handed over no object to keep")
	}
	v := &value{worker: w}
	err := w.inside(ctx, func(t gil.Token) (err error) {
		v.object, err = o.Attr(t, "value")
		return err
	})
	if err != nil {
		return nil, err
	}
	v.object.Named("value of an RRef")
	return v, nil
}

// Fetch pickles the object for the worker that asks for it.
func (v *value) Fetch(ctx context.Context) (agent.Body, error) {
	w := v.worker
	ctx, c, err := w.enter(ctx, "copy of an RRef's value for worker ")
	if err != nil {
		return agent.Body{}, refusal(ctx, err)
	}
	defer c.call.End()
	var result *pybridge.Object
	err = gil.With(ctx, func(t gil.Token) (err error) {
		c.call.Entered()
		result, err = w.python.fetch.Call(t, v.object, c.caller.object)
		return err
	})
	if err == nil {
		err = stopped(ctx)
	}
	if err != nil {
		result.Release()
		return agent.Body{}, refusal(ctx, err)
	}
	defer result.Release()
	m, err := w.finish(ctx, c.caller.object, result)
	if err != nil {
		return agent.Body{}, refusal(ctx, err)
	}
	if !m.lent() {
		return m.body, refusal(ctx, c.call.Result(m.body.Size()))
	}
	defer m.release() // nobody may change the bytes of a Body that a Value returns, so Python's are copied
	if err := c.call.Result(m.body.Size()); err != nil {
		return agent.Body{}, refusal(ctx, err)
	}
	if m.joined {
		return agent.Bytes(bytes.Join(m.body, nil)), nil
	}
	for i, segment := range m.body {
		m.body[i] = slices.Clone(segment)
	}
	return m.body, nil
}

// Release drops the reference to the object.
func (v *value) Release() { v.object.Release() }
