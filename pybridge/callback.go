package pybridge

import (
	"context"
	"errors"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// called runs on the thread that Python called from, with the GIL held.
func (o funcOptions) called(parent context.Context, f Func, args, kwargs cpython.Ref) (result, exception cpython.Ref) {
	s := &scope{refs: map[*Error]cpython.Ref{}}
	defer func() { _, _ = cpython.DrainPending(drainBatch) }()
	defer s.close()
	ctx := context.WithValue(parent, scopeKey{}, s)
	t, err := gil.Assume(ctx)
	if err != nil {
		return nil, nil
	}
	ctx, over := interrupt.Context(ctx)
	defer over()
	values, keywords, err := s.arguments(args, kwargs)
	var out any
	if err == nil {
		out, err = o.run(t, ctx, f, values, keywords)
	}
	if given, ok := out.(Given); ok {
		defer given.Release()
		out = given.Value
	}
	if err == nil {
		result, err = toRef(out)
	}
	if err != nil {
		return nil, s.exceptionFor(err)
	}
	return result, nil
}

type scopeKey struct{}

// scope is one call of a Func: what it borrowed from Python and must be able to give back.
type scope struct {
	mu sync.Mutex
	// guarded by mu
	refs    map[*Error]cpython.Ref // exceptions captured during the call, to raise again as they are
	objects []*Object
	closed  bool
}

// InCallback reports whether ctx is, or is made from, a context that a [Func] was called with: then Python code waits for
// the caller to return.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func InCallback(ctx context.Context) bool { return ctx.Value(scopeKey{}) != nil }

// keepFor hands exc to the callback that ctx belongs to, if any, and reports whether it took it.
func keepFor(ctx context.Context, e *Error, exc cpython.Ref) bool {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.refs[e] = exc
	return true
}

func (s *scope) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, exc := range s.refs {
		cpython.ReleaseLater(exc)
	}
	for _, o := range s.objects {
		o.Release()
	}
}

func (s *scope) arguments(args, kwargs cpython.Ref) ([]any, map[string]any, error) {
	r := reader{opaque: s.object}
	values, err := r.sequence(args, cpython.KindTuple, 0)
	if err != nil || kwargs == nil {
		return values, nil, err
	}
	items, err := r.dict(kwargs, 0)
	if err != nil {
		return nil, nil, err
	}
	keywords := make(map[string]any, len(items))
	for _, item := range items {
		keywords[asText(item.Key)] = item.Value
	}
	return values, keywords, nil
}

func (s *scope) object(r cpython.Ref) (any, error) {
	ref, err := cpython.IncRef(r)
	if err != nil {
		return nil, err
	}
	o := adopt(ref, "argument of a Go function")
	s.objects = append(s.objects, o)
	return o, nil
}

// exceptionFor gives a new reference to the exception to raise for err. GIL held.
func (s *scope) exceptionFor(err error) cpython.Ref {
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		return raised.Exception
	}
	if exc := s.original(err); exc != nil {
		return exc
	}
	return newGoError(err)
}

func (s *scope) original(err error) cpython.Ref {
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	exc := s.refs[e]
	delete(s.refs, e)
	return exc
}
