package handler

import (
	"context"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// inside runs f with the GIL held, counted as a call in progress.
func (h *Handler) inside(ctx context.Context, f func(gil.Token) error) error {
	if gil.Held() {
		return gil.ErrHeld
	}
	if err := h.enter(); err != nil {
		return err
	}
	defer h.calls.leave()
	return h.closed(gil.With(ctx, f))
}

// leavable is inside for an f that runs user code: the caller leaves when ctx ends, whatever that code does, and what
// f gives then is dropped. So f must not write to what the caller reads.
func leavable[T any](ctx context.Context, h *Handler, f func(gil.Token) (T, error)) (v T, err error) {
	if gil.Held() {
		return v, gil.ErrHeld
	}
	if err := h.enter(); err != nil {
		return v, err
	}
	defer h.calls.leave()
	v, err = gil.Call(ctx, f)
	return v, h.closed(err)
}

// Serialize pickles an object, tensors beside it (PythonRpcHandler::serialize).
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: borrows o; the payload's tensors are new
//   - Blocks: ctx and gil.Patience; with a ctx that cannot end, user code
func (h *Handler) Serialize(ctx context.Context, o *pybridge.Object) (Payload, error) {
	gil.AssertNotHeld()
	return leavable(ctx, h, func(t gil.Token) (Payload, error) {
		result, err := h.serialize.Call(t, o)
		if err != nil {
			return Payload{}, err
		}
		defer result.Release()
		return PayloadOf(t, result)
	})
}

// Deserialize unpickles an object (PythonRpcHandler::deserialize). A failure is always an error, also
// where torch returns it as a value.
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: borrows p's tensors; new
//   - Blocks: ctx and gil.Patience; with a ctx that cannot end, user code
func (h *Handler) Deserialize(ctx context.Context, p Payload) (*pybridge.Object, error) {
	gil.AssertNotHeld()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	if err := h.checkSize(p); err != nil {
		return nil, err
	}
	if h.gate != nil {
		return h.deserializeRestricted(ctx, p)
	}
	return leavable(ctx, h, func(t gil.Token) (*pybridge.Object, error) {
		tensors, err := p.table(t)
		if err != nil {
			return nil, err
		}
		defer tensors.Release()
		args := []any{p.Data}
		if tensors != nil {
			args = append(args, tensors)
		}
		o, err := h.deserialize.Call(t, args...)
		if err != nil {
			return nil, err
		}
		return o.Named("deserialized object"), nil
	})
}

// deserializeRestricted is Deserialize of what the gate lets in.
func (h *Handler) deserializeRestricted(ctx context.Context, p Payload) (*pybridge.Object, error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.calls.leave()
	opened, err := h.gate.Reply(ctx, [][]byte{p.Data})
	if err != nil {
		return nil, h.closed(err)
	}
	defer opened.Release()
	o, err := gil.Call(ctx, func(t gil.Token) (*pybridge.Object, error) {
		beside := opened.Beside
		if len(p.Tensors) > 0 {
			with, err := opened.withTensors(t, p)
			if err != nil {
				return nil, err
			}
			defer with.Release()
			beside = with
		}
		return h.deserialize.Call(t, opened.Data, beside)
	})
	if err != nil {
		return nil, h.closed(err)
	}
	return o.Named("deserialized object"), nil
}

// RunPythonUDF runs an unpickled PythonUDF (PythonRpcHandler::runPythonUdf). What the UDF raised is
// the result, a RemoteException.
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: borrows udf; new
//   - Blocks: ctx and gil.Patience; with a ctx that cannot end, user code
func (h *Handler) RunPythonUDF(ctx context.Context, udf *pybridge.Object) (*pybridge.Object, error) {
	gil.AssertNotHeld()
	return leavable(ctx, h, func(t gil.Token) (*pybridge.Object, error) {
		o, err := h.runFunction.Call(t, udf)
		if err != nil {
			return nil, err
		}
		return o.Named("result of a UDF"), nil
	})
}

// HandleException gives the exception that a RemoteException stands for, as a *pybridge.Error of the
// original class where it could be rebuilt here, and nil for any other result
// (PythonRpcHandler::handleException).
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: borrows result
//   - Blocks: ctx and gil.Patience; with a ctx that cannot end, code of the exception's class
func (h *Handler) HandleException(ctx context.Context, result *pybridge.Object) error {
	gil.AssertNotHeld()
	_, err := leavable(ctx, h, func(t gil.Token) (struct{}, error) { return struct{}{}, h.HandleExceptionGILHeld(t, result) })
	return err
}

// HandleExceptionGILHeld is [Handler.HandleException] for a caller that holds the GIL.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: borrows result
//   - Blocks: code of the exception's class
func (h *Handler) HandleExceptionGILHeld(t gil.Token, result *pybridge.Object) error {
	t.Assert()
	if h.isNone() {
		return ErrNoHandler
	}
	none, err := h.handleException.Call(t, result)
	none.Release()
	return h.closed(err)
}

// IsRemoteException says whether the result is a RemoteException of the RPC module, or of a class
// derived from it (PythonRpcHandler::isRemoteException, which compares names).
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: borrows result
//   - Blocks: ctx
func (h *Handler) IsRemoteException(ctx context.Context, result *pybridge.Object) (is bool, err error) {
	gil.AssertNotHeld()
	err = h.inside(ctx, func(t gil.Token) error {
		answer, err := h.isRemoteException.Call(t, result)
		if err != nil {
			return err
		}
		defer answer.Release()
		is, err = answer.Truth(t)
		return err
	})
	return is, err
}
