package pyworker

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// handle is the name of an RRef between Go and the package gopyrpc. It is random, so that only its holder can name it.
type handle [16]byte

// handles are the RRefs that Python objects stand for.
type handles struct {
	mu    sync.Mutex
	known map[handle]*agent.RRef // guarded by mu
}

// made enters an RRef. It returns the arguments of Python's RRef: the handle, the owner's name, and the RRef's text.
func (h *handles) made(r *agent.RRef) []any {
	var n handle
	_, _ = rand.Read(n[:]) // ends the process rather than fail
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[n] = r
	return []any{n[:], r.Owner().Name, r.String()}
}

func (h *handles) find(a arguments) (*agent.RRef, error) { return h.get(a, false) }

// take is find for the last use of a handle.
func (h *handles) take(a arguments) (*agent.RRef, error) { return h.get(a, true) }

func (h *handles) get(a arguments, last bool) (*agent.RRef, error) {
	b, err := argument[[]byte](a, 0)
	if err != nil {
		return nil, err
	}
	var n handle
	if copy(n[:], b); len(b) != len(n) {
		return nil, fmt.Errorf("pyworker: a handle of %d bytes", len(b))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.known[n]
	if r == nil {
		return nil, &agent.Error{Code: codes.FailedPrecondition, Text: "the RRef was released", Err: agent.ErrReleased}
	}
	if last {
		delete(h.known, n)
	}
	return r, nil
}

// hostRemote takes (to, data, tensors, timeout, value_timeout).
func (w *Worker) hostRemote(ctx context.Context, a arguments) (any, error) {
	to, m, seconds, err := w.addressed(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	defer m.release()
	making, err := secondsOf(a, 4)
	if err != nil {
		return nil, err
	}
	req := m.request()
	req.ValueTimeout = duration(making)
	// The request goes on when this function has returned.
	call, cancel := within(w.ctx, seconds)
	r, err := w.agent.Remote(call, to, req, nil)
	if err != nil {
		cancel()
		return failure(err)
	}
	context.AfterFunc(call, cancel)
	go func() {
		<-r.Confirmed()
		cancel()
	}()
	return w.handles.made(r), nil
}

func (w *Worker) hostNewRRef(ctx context.Context, a arguments) (any, error) {
	v, err := w.box(ctx, a.values[0])
	if err != nil {
		return nil, err
	}
	r, err := w.agent.NewRRef(v, nil)
	if err != nil {
		v.Release()
		return failure(err)
	}
	return w.handles.made(r), nil
}

func (w *Worker) hostAdopt(_ context.Context, a arguments) (any, error) {
	fork, err := argument[[]byte](a, 0)
	if err != nil {
		return nil, err
	}
	r, err := w.agent.Adopt(fork)
	if err != nil {
		return failure(err)
	}
	return w.handles.made(r), nil
}

func (w *Worker) hostFork(ctx context.Context, a arguments) (out any, err error) {
	to, err := argument[string](a, 1)
	if err != nil {
		return nil, err
	}
	err = w.withRRef(a, func(r *agent.RRef) (err error) {
		out, err = r.Fork(ctx, to)
		return err
	})
	if err != nil {
		return failure(err)
	}
	return out, nil
}

// withRRef calls f with the RRef of the first argument. f may wait for another worker.
func (w *Worker) withRRef(a arguments, f func(*agent.RRef) error) error {
	r, err := w.handles.find(a)
	if err != nil {
		return err
	}
	return w.wait(func() error { return f(r) })
}

func (w *Worker) hostUnfork(_ context.Context, a arguments) (any, error) {
	fork, err := argument[[]byte](a, 1)
	if err != nil {
		return nil, err
	}
	r, err := w.handles.find(a)
	if err != nil {
		return nil, nil // the RRef was released, and its forks with it
	}
	return nil, r.Unfork(fork)
}

func (w *Worker) hostRelease(_ context.Context, a arguments) (any, error) {
	if r, err := w.handles.take(a); err == nil {
		r.Release()
	}
	return nil, nil
}

func (w *Worker) hostToHere(ctx context.Context, a arguments) (out any, err error) {
	seconds, err := secondsOf(a, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	err = w.withRRef(a, func(r *agent.RRef) error {
		body, err := r.ToHere(ctx)
		if err == nil {
			out, err = w.reply(ctx, agent.Reply{Body: body}, answererOf(r.Owner().Name, a, 2))
		}
		return err
	})
	if err != nil {
		return failure(err)
	}
	return out, nil
}

func (w *Worker) hostLocalValue(ctx context.Context, a arguments) (out any, err error) {
	seconds, err := secondsOf(a, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	err = w.withRRef(a, func(r *agent.RRef) error {
		found, err := r.LocalValue(ctx)
		if err != nil {
			return err
		}
		if refused, ok := found.(refusedValue); ok {
			o, err := refused.local(ctx, w)
			if err != nil {
				return err
			}
			out = pybridge.Given{Value: []any{o}, Release: o.Release}
			return nil
		}
		v, ok := found.(*value)
		if !ok {
			return fmt.Errorf("the value of %v is a %T, which Go gave to the group: it has no Python object", r, found)
		}
		out = []any{v.object}
		return nil
	})
	if err != nil {
		return failure(err)
	}
	return out, nil
}

func (w *Worker) hostConfirmed(_ context.Context, a arguments) (any, error) {
	r, err := w.handles.find(a)
	if err != nil {
		return false, nil
	}
	select {
	case <-r.Confirmed():
		return r.WaitConfirmed(context.Background()) == nil, nil
	default:
		return false, nil
	}
}

func (w *Worker) hostWaitConfirmed(ctx context.Context, a arguments) (any, error) {
	seconds, err := secondsOf(a, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	if err := w.withRRef(a, func(r *agent.RRef) error { return r.WaitConfirmed(ctx) }); err != nil {
		return failure(err)
	}
	return nil, nil
}
