package main

import (
	"context"
	"runtime"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/cpython/floor"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// callsPerRound is enough to drown the clock and short enough to alternate often.
const callsPerRound = 2000

// subject is one call, ready to be made both ways.
type subject struct {
	handler *handler.Handler
	payload handler.Payload
	run     *pybridge.Object // what the handler calls
	ref     cpython.Ref      // the same, borrowed from run
}

func (s *subject) release() {
	s.payload.Release()
	s.run.Release()
}

// newSubject prepares operator.add(1, 2) for the handler's module.
func newSubject(ctx context.Context, s *Setup, h *handler.Handler) (*subject, error) {
	sub := &subject{handler: h}
	err := gil.With(ctx, func(t gil.Token) (err error) {
		if sub.run, err = h.Run(t); err != nil {
			return err
		}
		p, err := sub.run.Pointer(t)
		sub.ref = cpython.Ref(p)
		return err
	})
	if err != nil {
		return nil, err
	}
	sub.payload, err = makePayload(ctx, s.Runtime, h, "operator", "add", 1, 2)
	return sub, err
}

// makePayload pickles PythonUDF(module.name, args, {}).
func makePayload(ctx context.Context, rt *pybridge.Runtime, h *handler.Handler, module, name string, args ...any) (handler.Payload, error) {
	var udf *pybridge.Object
	err := gil.With(ctx, func(t gil.Token) error {
		m, err := rt.Import(t, module)
		if err != nil {
			return err
		}
		defer m.Release()
		fn, err := m.Attr(t, name)
		if err != nil {
			return err
		}
		defer fn.Release()
		internal, err := rt.Import(t, h.Module())
		if err != nil {
			return err
		}
		defer internal.Release()
		udf, err = internal.CallMethod(t, "PythonUDF", fn, pybridge.Tuple(args), pybridge.Dict{})
		return err
	})
	if err != nil {
		return handler.Payload{}, err
	}
	defer udf.Release()
	return h.Serialize(ctx, udf)
}

// ours makes calls that cannot be interrupted; it looks at ctx before them.
func (s *subject) ours(ctx context.Context, calls int) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return s.call(context.WithoutCancel(ctx), calls)
}

func (s *subject) call(ctx context.Context, calls int) (time.Duration, error) {
	start := time.Now()
	for range calls {
		if _, err := s.handler.RunUDF(ctx, s.payload); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func (s *subject) floor(calls int) (time.Duration, error) {
	return floor.Calls(s.ref, s.payload.Data, calls)
}

// ratios alternates two ways of the same work and gives a/b for each round, after one to warm up.
func ratios(rounds int, a, b func() (time.Duration, error)) ([]float64, error) {
	return ratiosOfSums(rounds, 1, a, b)
}

// ratiosOfSums does so several times in each round, and gives the ratio of what they took together.
func ratiosOfSums(rounds, turns int, a, b func() (time.Duration, error)) ([]float64, error) {
	var out []float64
	for i := range rounds + 1 {
		var sumA, sumB time.Duration
		for range turns {
			da, err := a()
			if err != nil {
				return nil, err
			}
			db, err := b()
			if err != nil {
				return nil, err
			}
			sumA, sumB = sumA+da, sumB+db
		}
		if i > 0 {
			out = append(out, float64(sumA)/float64(sumB))
		}
	}
	return out, nil
}

func udfVsFloor(ctx context.Context, s *Setup) ([]float64, error) { return vsFloor(ctx, s, s.Handler) }

// cancellable compares calls whose context can end with those whose cannot. with may change the context.
func cancellable(with func(context.Context) context.Context) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		sub, err := newSubject(ctx, s, s.Handler)
		if err != nil {
			return nil, err
		}
		defer sub.release()
		return ratios(s.Rounds,
			func() (time.Duration, error) { return sub.call(with(ctx), callsPerRound) },
			func() (time.Duration, error) { return sub.ours(ctx, callsPerRound) })
	}
}

func unchanged(ctx context.Context) context.Context { return ctx }

// udfVsCrossing tells what the bridge adds from what Go's way into C and back costs in any case.
func udfVsCrossing(ctx context.Context, s *Setup) ([]float64, error) {
	sub, err := newSubject(ctx, s, s.Handler)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	return ratios(s.Rounds,
		func() (time.Duration, error) { return sub.ours(ctx, callsPerRound) },
		func() (time.Duration, error) { return sub.crossings(callsPerRound) })
}

func (s *subject) crossings(calls int) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := time.Now()
	for range calls {
		if _, err := s.floor(1); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func vsFloor(ctx context.Context, s *Setup, h *handler.Handler) ([]float64, error) {
	sub, err := newSubject(ctx, s, h)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	return ratios(s.Rounds,
		func() (time.Duration, error) { return sub.ours(ctx, callsPerRound) },
		func() (time.Duration, error) { return sub.floor(callsPerRound) })
}

// naiveVsUDF runs the naive way on a thread that has no warm state, as in a program that keeps none.
func naiveVsUDF(ctx context.Context, s *Setup) ([]float64, error) {
	sub, err := newSubject(ctx, s, s.Handler)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	return ratios(s.Rounds,
		func() (time.Duration, error) { return sub.naive(callsPerRound) },
		func() (time.Duration, error) { return sub.ours(ctx, callsPerRound) })
}

func (s *subject) naive(calls int) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpython.RetireThread()
	start := time.Now()
	for range calls {
		if _, err := floor.Naive(s.ref, s.payload.Data); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func attach(ctx context.Context, s *Setup) ([]float64, error) {
	ctx = context.WithoutCancel(ctx)
	var out []float64
	for range s.Rounds {
		start := time.Now()
		for range callsPerRound {
			if err := gil.With(ctx, func(gil.Token) error { return nil }); err != nil {
				return nil, err
			}
		}
		out = append(out, float64(time.Since(start).Nanoseconds())/callsPerRound)
	}
	return out, nil
}

// torchHandler is a handler for torch's module, or the reason why there is none.
