package pybridge

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// captured turns a raised exception into an [*Error]; other errors pass. GIL held.
func captured(t gil.Token, err error) error {
	var raised *cpython.Raised
	if err == nil || !errors.As(err, &raised) {
		return closedError(err)
	}
	return capture(t, raised.Exception)
}

func closedError(err error) error {
	if errors.Is(err, cpython.ErrClosed) {
		return ErrClosed
	}
	return err
}

// capture consumes exc. GIL held.
func capture(t gil.Token, exc cpython.Ref) *Error {
	e, err := described(t, exc)
	if freedTraceback(err, exc) {
		e, err = described(t, exc)
	}
	if err != nil {
		dropRaised(err)
		e = bareError(exc)
	}
	if !keepFor(t.Context(), e, exc) {
		_ = cpython.DecRef(exc)
	}
	return e
}

// describeLater consumes exc, which came out of Python with the GIL given back already.
func describeLater(ctx context.Context, exc cpython.Ref) error {
	// The exception is there whether or not ctx has ended: it is reported all the same.
	var e *Error
	err := gil.With(context.WithoutCancel(ctx), func(t gil.Token) error {
		e = capture(t, exc)
		return nil
	})
	if err != nil {
		cpython.ReleaseLater(exc)
		return err
	}
	return e
}

func described(t gil.Token, exc cpython.Ref) (*Error, error) {
	b := bridge.Load()
	if b == nil {
		return nil, errors.New("the bridge module is not there yet")
	}
	if err := b.need(t, errorsPart); err != nil {
		return nil, err
	}
	describe, err := b.get("describe")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(describe) }()
	tree, err := callRef(describe, borrowed(exc))
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(tree) }()
	v, err := fromRef(tree)
	if err != nil {
		return nil, err
	}
	return errorFromTree(v)
}

// freedTraceback reports whether a second attempt to describe exc may do better, as it now has memory; it consumes
// err's exception then.
func freedTraceback(err error, exc cpython.Ref) bool {
	if err == nil {
		return false
	}
	failure := exc
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		failure = raised.Exception
	}
	if freedTraceback, err := cpython.FreeTraceback(failure, exc); err != nil || !freedTraceback {
		return false
	}
	dropRaised(err)
	return true
}

// bare turns a raised exception into an [*Error] without the bridge module's help. GIL held.
func bare(err error) error {
	var raised *cpython.Raised
	if !errors.As(err, &raised) {
		return err
	}
	defer func() { _ = cpython.DecRef(raised.Exception) }()
	return bareError(raised.Exception)
}

func dropRaised(err error) {
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		_ = cpython.DecRef(raised.Exception)
	}
}

// bareError is for an exception that could not be described, as when memory ran out or the stack was
// exhausted: its class and text, as far as they can be had.
func bareError(exc cpython.Ref) *Error {
	e := &Error{Module: "builtins", Type: "BaseException"}
	if module, name, err := classOf(exc); err == nil {
		e.Module, e.Type = module, name
		e.MRO = []string{className(module, name), string(BaseException)}
	} else {
		dropRaised(err)
	}
	message, err := text(cpython.Str(exc))
	if err != nil {
		dropRaised(err)
	}
	e.Message = message
	return e
}

var errTree = errors.New("unexpected shape of a described exception")

// errorFromTree reads what describe() in python/errors.py makes.
func errorFromTree(v any) (*Error, error) {
	f, ok := v.(Tuple)
	if !ok || len(f) != 12 {
		return nil, errTree
	}
	e := &Error{
		Module: asText(f[0]), Type: asText(f[1]), MRO: asTexts(f[2]),
		Message: asText(f[3]), headline: asText(f[4]), Notes: asTexts(f[5]),
	}
	for _, frame := range asList(f[6]) {
		if p, ok := frame.(Tuple); ok && len(p) == 6 {
			e.Traceback = append(e.Traceback, Frame{
				File: asText(p[0]), Line: asNumber(p[1]), Function: asText(p[2]), Text: asText(p[3]),
				Repeated: asNumber(p[4]), Omitted: asNumber(p[5]),
			})
		}
	}
	e.Cause, _ = errorFromTree(f[7])
	e.Context, _ = errorFromTree(f[8])
	e.SuppressContext, _ = f[9].(bool)
	if f[10] != nil {
		e.Members = []*Error{}
	}
	for _, m := range asList(f[10]) {
		if member, err := errorFromTree(m); err == nil {
			e.Members = append(e.Members, member)
		}
	}
	if id, _ := f[11].(int64); id != 0 {
		e.goError = goErrors.find(id)
	}
	return e, nil
}

func asText(v any) string { s, _ := v.(string); return s }
func asNumber(v any) int  { n, _ := v.(int64); return int(n) }
func asList(v any) []any  { l, _ := v.([]any); return l }

func asTexts(v any) []string {
	var out []string
	for _, s := range asList(v) {
		out = append(out, asText(s))
	}
	return out
}

// FetchError takes the exception that is pending on this thread, as left by C-API calls made outside
// this package (PyErr_GetRaisedException). Nil when there is none.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: no
func FetchError(t gil.Token) error {
	t.Assert()
	exc, err := cpython.FetchException()
	if err != nil || exc == nil {
		return closedError(err)
	}
	return capture(t, exc)
}
