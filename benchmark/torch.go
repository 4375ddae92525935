package main

import (
	"context"
	"errors"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/cpython/floor"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func torchHandler(ctx context.Context, s *Setup) (*handler.Handler, error) {
	h, err := handler.New(ctx, s.Runtime, handler.WithModule(handler.TorchModule))
	if errors.Is(err, pybridge.ImportError) { // or has one that was built for another Python
		return nil, &skipError{"this Python has no PyTorch"}
	}
	return h, err
}

// torchVsFloor compares with what torch's own C++ handler does: torch's three functions, called from C.
func torchVsFloor(ctx context.Context, s *Setup) ([]float64, error) {
	h, err := torchHandler(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Cleanup(ctx) }()
	sub, err := newSubject(ctx, s, h)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	fns, err := torchSteps(ctx, s)
	if err != nil {
		return nil, err
	}
	defer fns.release()
	return ratios(s.Rounds,
		func() (time.Duration, error) { return sub.ours(ctx, callsPerRound) },
		func() (time.Duration, error) { return fns.floor(sub.payload.Data, callsPerRound) })
}

// steps are torch's deserialize, _run_function and serialize.
type steps struct {
	objects []*pybridge.Object
	refs    []cpython.Ref // the same, borrowed from objects
}

func torchSteps(ctx context.Context, s *Setup) (fns steps, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		internal, err := s.Runtime.Import(t, handler.TorchModule)
		if err != nil {
			return err
		}
		defer internal.Release()
		for _, name := range []string{"deserialize", "_run_function", "serialize"} {
			fn, err := internal.Attr(t, name)
			if err != nil {
				return err
			}
			fns.objects = append(fns.objects, fn)
			p, err := fn.Pointer(t)
			if err != nil {
				return err
			}
			fns.refs = append(fns.refs, cpython.Ref(p))
		}
		return nil
	})
	return fns, err
}

func (s steps) floor(payload []byte, calls int) (time.Duration, error) {
	return floor.Steps(s.refs[0], s.refs[1], s.refs[2], payload, calls)
}

func (s steps) release() {
	for _, o := range s.objects {
		o.Release()
	}
}

func ownVsTorch(ctx context.Context, s *Setup) ([]float64, error) {
	h, err := torchHandler(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Cleanup(ctx) }()
	own, err := newSubject(ctx, s, s.Handler)
	if err != nil {
		return nil, err
	}
	defer own.release()
	torch, err := newSubject(ctx, s, h)
	if err != nil {
		return nil, err
	}
	defer torch.release()
	return ratios(s.Rounds,
		func() (time.Duration, error) { return own.ours(ctx, callsPerRound) },
		func() (time.Duration, error) { return torch.ours(ctx, callsPerRound) })
}
