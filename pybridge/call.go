package pybridge

import (
	"bytes"
	"context"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pycall"
)

// Call is o(*args), each argument converted as [ToPython] does (PyObject_Call).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code
func (o *Object) Call(t gil.Token, args ...any) (*Object, error) { return o.CallKw(t, args, nil) }

// CallKw is o(*args, **kwargs), converted as [ToPython] does (PyObject_Call).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code
func (o *Object) CallKw(t gil.Token, args []any, kwargs map[string]any) (*Object, error) {
	return o.object(t, "result of "+o.Label(), func(fn cpython.Ref) (cpython.Ref, error) {
		tuple, err := toRef(Tuple(args))
		if err != nil {
			return nil, err
		}
		defer func() { _ = cpython.DecRef(tuple) }()
		if len(kwargs) == 0 {
			return cpython.Call(fn, tuple, nil)
		}
		dict, err := toRef(kwargs)
		if err != nil {
			return nil, err
		}
		defer func() { _ = cpython.DecRef(dict) }()
		return cpython.Call(fn, tuple, dict)
	})
}

// CallMethod is o.name(*args).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code
func (o *Object) CallMethod(t gil.Token, name string, args ...any) (*Object, error) {
	t.Assert()
	method, err := o.Attr(t, name)
	if err != nil {
		return nil, err
	}
	defer method.Release()
	return method.Call(t, args...)
}

// CallBytes is o(payload), or o(payload, extra) with extra not nil, in one crossing: the GIL is taken,
// and given back, inside one C function. The payload reaches Python as bytes, or as a read-only
// memoryview when it is large, which is released before the return. A result that is bytes comes
// back as data, anything else as an Object.
//
//   - GIL: acquires; must not be held
//   - Thread: any; the goroutine is not locked to it
//   - Ref: borrows extra; the result's is new
//   - Blocks: ctx, then the GIL, then user code
func (o *Object) CallBytes(ctx context.Context, payload []byte, extra *Object) (data []byte, result *Object, err error) {
	gil.AssertNotHeld()
	var out cpython.Outcome
	if err := o.callBytes(ctx, payload, extra, &out); err != nil {
		return nil, nil, err
	}
	if out.What == cpython.Bytes {
		return out.Data, nil, nil
	}
	lent, err := o.lent(ctx, &out)
	if lent.Owner != nil {
		defer lent.Owner.Release()
		lent.Data = bytes.Clone(lent.Data)
	}
	return lent.Data, lent.Object, err
}

// Lent is what [Object.CallBytesLent] brought back: Data, or Object when the result was no bytes.
type Lent struct {
	Data   []byte
	Owner  *Object // of Data, which is its memory and good until its Release; nil when Data is Go's own
	Object *Object
	// PayloadHeld says that Python code has kept something that reads the payload's memory, which must not be
	// changed any more then.
	PayloadHeld bool
}

// CallBytesLent is [Object.CallBytes] without the copy of a large result: Data is the bytes object's own
// memory. It also says whether the payload's can be used again.
//
//   - GIL: acquires; must not be held
//   - Thread: any; the goroutine is not locked to it
//   - Ref: borrows extra; the result's is new
//   - Blocks: ctx, then the GIL, then user code
func (o *Object) CallBytesLent(ctx context.Context, payload []byte, extra *Object) (Lent, error) {
	gil.AssertNotHeld()
	var out cpython.Outcome
	if err := o.callBytes(ctx, payload, extra, &out); err != nil {
		return Lent{PayloadHeld: out.PayloadHeld}, err
	}
	return o.lent(ctx, &out)
}

// callBytes is how every call with a payload is made; see pycall.Bytes.
func (o *Object) callBytes(ctx context.Context, payload []byte, extra *Object, out *cpython.Outcome) error {
	fn, err := o.use()
	if err != nil {
		return err
	}
	defer o.done()
	var extraRef cpython.Ref
	if extra != nil {
		if extraRef, err = extra.use(); err != nil {
			return err
		}
		defer extra.done()
	}
	return pycall.Bytes(ctx, fn, payload, extraRef, out)
}

// lent takes over what a call of o brought back.
func (o *Object) lent(ctx context.Context, out *cpython.Outcome) (Lent, error) {
	lent := Lent{Data: out.Data, PayloadHeld: out.PayloadHeld}
	switch out.What {
	case cpython.Exception:
		return lent, describeLater(ctx, out.Ref)
	case cpython.Object:
		lent.Object = adopt(out.Ref, "result of "+o.Label())
	case cpython.LentBytes:
		lent.Owner = adopt(out.Ref, "result of "+o.Label())
	}
	return lent, nil
}
