package handler

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// RunUDF unpickles a PythonUDF, runs it, and pickles what it returned: deserialize, runPythonUdf and
// serialize of torch's handler in one crossing. A UDF that raised is a result, a pickled
// RemoteException; [Handler.HandleException] turns it back into an error.
//
//   - GIL: acquires; must not be held
//   - Thread: any; the goroutine is not locked to it
//   - Ref: borrows p's tensors; the result's are new
//   - Blocks: ctx and gil.Patience; with a ctx that cannot end, user code
//
// Errors: ErrClosed; ErrTooLarge; ErrHeld; the end of ctx before the call began; a *pybridge.Error
// that is a DeserializeError or a SerializeError when the call had no outcome.
func (h *Handler) RunUDF(ctx context.Context, p Payload) (Payload, error) {
	gil.AssertNotHeld()
	if err := h.enter(); err != nil {
		return Payload{}, err
	}
	defer h.calls.leave()
	data, result, err := h.runUDF(ctx, p)
	if err != nil {
		return Payload{}, h.closed(err)
	}
	if result == nil {
		return Payload{Data: data}, nil
	}
	defer result.Release()
	return unpack(ctx, result)
}

// runUDF enters Python once, and runs the UDF.
func (h *Handler) runUDF(ctx context.Context, p Payload) (data []byte, result *pybridge.Object, err error) {
	if err := h.checkSize(p); err != nil {
		return nil, nil, err
	}
	if h.gate != nil {
		return h.runRestricted(ctx, p)
	}
	tensors, err := h.table(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer tensors.Release()
	return h.run.CallBytes(ctx, p.Data, tensors)
}

// runRestricted runs the UDF of a payload that the gate lets in.
func (h *Handler) runRestricted(ctx context.Context, p Payload) (data []byte, result *pybridge.Object, err error) {
	opened, err := h.gate.Request(ctx, [][]byte{p.Data})
	if err != nil {
		return nil, nil, err
	}
	defer opened.Release()
	if len(p.Tensors) == 0 {
		return h.run.CallBytes(ctx, opened.Data, opened.Beside)
	}
	beside, err := gil.Call(ctx, func(t gil.Token) (*pybridge.Object, error) { return opened.withTensors(t, p) })
	if err != nil {
		return nil, nil, err
	}
	defer beside.Release()
	return h.run.CallBytes(ctx, opened.Data, beside)
}

// withTensors makes the argument that stands beside a pickle with tensors: [values, tensors].
func (o *Opened) withTensors(t gil.Token, p Payload) (*pybridge.Object, error) {
	return pybridge.ToPython(t, []any{o.Beside, p.objects()})
}

func (h *Handler) checkSize(p Payload) error {
	if limit := h.config.maxPayload; limit > 0 && int64(len(p.Data)) > limit {
		return fmt.Errorf("%w: %d bytes, allowed are %d", ErrTooLarge, len(p.Data), limit)
	}
	return nil
}

// table makes p's tensor table; nil, without entering Python, when there is none.
func (h *Handler) table(ctx context.Context, p Payload) (*pybridge.Object, error) {
	if len(p.Tensors) == 0 {
		return nil, nil
	}
	return gil.Call(ctx, p.table)
}

// unpack reads a result that came with tensors. The call is done, so it does not end with ctx, and waits for the GIL.
func unpack(ctx context.Context, result *pybridge.Object) (p Payload, err error) {
	err = gil.With(context.WithoutCancel(ctx), func(t gil.Token) error {
		p, err = PayloadOf(t, result)
		return err
	})
	return p, err
}

// Run is the Python callable that [Handler.RunUDF] calls with the payload. It is exported for measurements of what RunUDF
// adds to the call.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: no
func (h *Handler) Run(t gil.Token) (*pybridge.Object, error) {
	t.Assert()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	fn, err := h.run.Clone(t)
	return fn, h.closed(err)
}
