//go:build !pydebug

package handler_test

import (
	"bytes"
	"errors"
	"io"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/jit"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// entering is for a Handler's methods that take the GIL.
func entering(name string, call func(caller) error) row {
	return row{name, needsHandler, handlerHeld, call}
}

// ofHandler is for a Handler's methods with a Token.
func ofHandler(name string, call func(caller) error) row {
	return row{name, hasReferences(gil.ErrNotHeld), hasReferences(nil), call}
}

// answered says that a Handler's method got as far as the RPC module.
func answered(err error) error {
	for _, answer := range []error{handler.ErrNoRRefs, handler.ErrNoCompilationUnit, jit.ErrUnknownClass} {
		if errors.Is(err, answer) {
			return nil
		}
	}
	return worked(err)
}

func nothingAllowed() *policy.Policy {
	p, err := policy.New(nil)
	must(err)
	return p
}

// mustBeRefused: in Go, whatever state Python is in.
func mustBeRefused(_ handler.Opened, err error) {
	if !errors.Is(err, handler.DeserializeError) {
		panic(err)
	}
}

func handlerRows() []row {
	tensors := func(c caller) handler.Payload {
		return handler.Payload{Tensors: []handler.Tensor{handler.NewTensor(c.thing)}}
	}
	return []row{
		{"handler.New", needsRuntime, func(s state) error {
			if s >= draining {
				return handler.ErrClosed
			}
			return gil.ErrHeld
		}, func(c caller) error {
			h, err := handler.New(c.ctx, c.rt)
			if err == nil {
				err = h.Cleanup(c.ctx)
			}
			return err
		}},
		{"handler.Instance", needsRuntime, always(gil.ErrHeld), func(c caller) error { return failing(handler.Instance(c.ctx, c.rt)) }},
		entering("handler.Handler.RunUDF", func(c caller) error { return failing(c.h.RunUDF(c.ctx, c.payload)) }),
		entering("handler.Handler.Serialize", func(c caller) error { return failing(c.h.Serialize(c.ctx, c.thing)) }),
		entering("handler.Handler.Deserialize", func(c caller) error { return released(c.h.Deserialize(c.ctx, c.payload)) }),
		entering("handler.Handler.RunPythonUDF", func(c caller) error { return released(c.h.RunPythonUDF(c.ctx, c.thing)) }),
		entering("handler.Handler.HandleException", func(c caller) error { return worked(c.h.HandleException(c.ctx, c.thing)) }),
		entering("handler.Handler.IsRemoteException", func(c caller) error { return failing(c.h.IsRemoteException(c.ctx, c.thing)) }),
		entering("handler.Handler.ParseType", func(c caller) error {
			_, err := c.h.ParseType(c.ctx, "__torch__.Some")
			return answered(err)
		}),
		entering("handler.Handler.Flatten", func(c caller) error { return failing(c.h.Flatten(c.ctx, tensors(c))) }),
		entering("handler.Handler.Unflatten", func(c caller) error {
			return failing(c.h.Unflatten(c.ctx, oneTensor(), wire.Limits{}))
		}),
		entering("handler.Handler.UnflattenIf", func(c caller) error {
			return failing(c.h.UnflattenIf(c.ctx, oneTensor(), wire.Limits{}, func([]byte) error { return nil }))
		}),
		{"handler.Handler.Flatten without tensors", made(handler.ErrNoHandler, nil), fine, func(c caller) error {
			f, err := c.h.Flatten(c.ctx, c.payload)
			f.Release()
			return err
		}},
		ofHandler("handler.Handler.Run", func(c caller) error { return released(c.h.Run(c.t)) }),
		ofHandler("handler.Handler.FlattenGILHeld", func(c caller) error { return failing(c.h.FlattenGILHeld(c.t, tensors(c))) }),
		ofHandler("handler.Handler.HandleExceptionGILHeld", func(c caller) error { return worked(c.h.HandleExceptionGILHeld(c.t, c.thing)) }),
		ofHandler("handler.Handler.RRefProxyFunctions", func(c caller) error {
			f, err := c.h.RRefProxyFunctions(c.t)
			f.Release()
			return answered(err)
		}),
		ofHandler("handler.Handler.RRefTypeFunctions", func(c caller) error {
			f, err := c.h.RRefTypeFunctions(c.t)
			f.Release()
			return answered(err)
		}),
		ofHandler("handler.Handler.CompilationUnit", func(c caller) error {
			unit, err := c.h.CompilationUnit(c.t)
			unit.Release()
			return answered(err)
		}),
		ofObject("handler.PayloadOf", func(c caller) error {
			result := c.thing
			if gil.Held() {
				serialized, err := pybridge.ToPython(c.t, pybridge.Tuple{[]byte("data"), []any{}})
				must(err)
				defer serialized.Release()
				result = serialized
			}
			return failing(handler.PayloadOf(c.t, result))
		}),
		plain("handler.Handler.Module", func(c caller) { c.h.Module() }),
		plain("handler.RRefProxyFunctions.Release", func(caller) { handler.RRefProxyFunctions{}.Release() }),
		plain("handler.RRefTypeFunctions.Release", func(caller) { handler.RRefTypeFunctions{}.Release() }),
		plain("handler.Payload.Release", func(caller) { handler.Payload{Tensors: make([]handler.Tensor, 1)}.Release() }),
		plain("handler.NewTensor", func(c caller) { handler.NewTensor(c.thing) }),
		plain("handler.Tensor.Object", func(c caller) { handler.NewTensor(c.thing).Object() }),
		plain("handler.Tensor.Release", func(c caller) { handler.NewTensor(c.spare).Release() }),
		plain("handler.Flat.Segments", func(caller) { new(handler.Flat).Segments() }),
		plain("handler.Flat.Len", func(caller) { new(handler.Flat).Len() }),
		plain("handler.Flat.WriteTo", func(caller) { _, _ = new(handler.Flat).WriteTo(io.Discard) }),
		plain("handler.Flat.Release", func(caller) { new(handler.Flat).Release() }),
		plain("handler.NewGate", func(caller) { handler.NewGate(nothingAllowed(), nil) }),
		plain("handler.Gate.Request", func(c caller) { mustBeRefused(handler.NewGate(nothingAllowed(), nil).Request(c.ctx, nil)) }),
		plain("handler.Gate.Reply", func(c caller) { mustBeRefused(handler.NewGate(nothingAllowed(), nil).Reply(c.ctx, nil)) }),
		plain("handler.Gate.Release", func(caller) { handler.NewGate(nothingAllowed(), nil).Release() }),
		plain("handler.Opened.Release", func(caller) { new(handler.Opened).Release() }),
		plain("handler.WithModule", func(caller) { handler.WithModule("x") }),
		plain("handler.WithAllow", func(caller) { handler.WithAllow("x") }),
		plain("handler.WithMaxPayload", func(caller) { handler.WithMaxPayload(1) }),
		plain("handler.WithChildren", func(caller) { handler.WithChildren("x") }),
	}
}

// oneTensor is the flat form of a tensor and nothing else.
func oneTensor() io.Reader {
	head := wire.Head{Tensors: []wire.Tensor{{DType: 1}}, Storages: []int64{4}}
	form, err := head.Append(nil)
	must(err)
	return bytes.NewReader(append(form, 0, 0, 0, 0))
}
