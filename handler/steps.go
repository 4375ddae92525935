package handler

import (
	"context"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

// inside runs f with the GIL held, counted as a call in progress.
func (h *Handler) inside(ctx context.Context, f func(gil.Token) error) error {
	if gil.Held() {
		return gil.ErrHeld
	}
	if err := h.calls.enter(); err != nil {
		return err
	}
	defer h.calls.leave()
	return h.closed(gil.With(ctx, f))
}

// Serialize pickles an object, tensors beside it (PythonRpcHandler::serialize).
//
// GIL: acquires; must not be held
// Thread: any
// Ref: borrows o; the payload's tensors are new
// Blocks: ctx, then user code
func (h *Handler) Serialize(ctx context.Context, o *pybridge.Object) (p Payload, err error) {
	err = h.inside(ctx, func(t gil.Token) error {
		result, err := h.serialize.Call(t, o)
		if err != nil {
			return err
		}
		defer result.Release()
		p, err = PayloadOf(t, result)
		return err
	})
	return p, err
}

// Deserialize unpickles an object (PythonRpcHandler::deserialize). A failure is always an error, also
// where torch returns it as a value.
//
// GIL: acquires; must not be held
// Thread: any
// Ref: borrows p's tensors; new
// Blocks: ctx, then user code
func (h *Handler) Deserialize(ctx context.Context, p Payload) (o *pybridge.Object, err error) {
	if err := h.checkSize(p); err != nil {
		return nil, err
	}
	err = h.inside(ctx, func(t gil.Token) error {
		tensors, err := p.table(t)
		if err != nil {
			return err
		}
		defer tensors.Release()
		args := []any{p.Data}
		if tensors != nil {
			args = append(args, tensors)
		}
		if o, err = h.deserialize.Call(t, args...); err == nil {
			o.Named("deserialized object")
		}
		return err
	})
	return o, err
}

// RunPythonUDF runs an unpickled PythonUDF (PythonRpcHandler::runPythonUdf). What the UDF raised is
// the result, a RemoteException.
//
// GIL: acquires; must not be held
// Thread: any
// Ref: borrows udf; new
// Blocks: ctx, then user code
func (h *Handler) RunPythonUDF(ctx context.Context, udf *pybridge.Object) (o *pybridge.Object, err error) {
	err = h.inside(ctx, func(t gil.Token) error {
		if o, err = h.runFunction.Call(t, udf); err == nil {
			o.Named("result of a UDF")
		}
		return err
	})
	return o, err
}

// HandleException gives the exception that a RemoteException stands for, as a *pybridge.Error of the
// original class where it could be rebuilt here, and nil for any other result
// (PythonRpcHandler::handleException).
//
// GIL: acquires; must not be held
// Thread: any
// Ref: borrows result
// Blocks: ctx, then code of the exception's class
func (h *Handler) HandleException(ctx context.Context, result *pybridge.Object) error {
	return h.inside(ctx, func(t gil.Token) error { return h.HandleExceptionGILHeld(t, result) })
}

// HandleExceptionGILHeld is [Handler.HandleException] for a caller that holds the GIL.
//
// GIL: held
// Thread: the token's
// Ref: borrows result
// Blocks: code of the exception's class
func (h *Handler) HandleExceptionGILHeld(t gil.Token, result *pybridge.Object) error {
	none, err := h.handleException.Call(t, result)
	none.Release()
	return h.closed(err)
}

// IsRemoteException says whether the result is a RemoteException of the RPC module, or of a class
// derived from it (PythonRpcHandler::isRemoteException, which compares names).
//
// GIL: acquires; must not be held
// Thread: any
// Ref: borrows result
// Blocks: ctx
func (h *Handler) IsRemoteException(ctx context.Context, result *pybridge.Object) (is bool, err error) {
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
