package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// times makes calls one after the other, and gives how long each took.
func (s *subject) times(ctx context.Context, calls int) ([]time.Duration, error) {
	out := make([]time.Duration, 0, calls)
	for range calls {
		start := time.Now()
		if _, err := s.handler.RunUDF(ctx, s.payload); err != nil {
			return nil, err
		}
		out = append(out, time.Since(start))
	}
	return out, nil
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// fairness tells how much longer than others the unlucky wait, when 64 goroutines call.
func fairness(ctx context.Context, s *Setup) ([]float64, error) {
	sub, err := newSubject(ctx, s, s.Handler)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	var out []float64
	for range s.Rounds {
		took, err := sub.crowd(ctx, 64, callsPerRound/4)
		if err != nil {
			return nil, err
		}
		out = append(out, float64(quantile(took, 0.99))/float64(quantile(took, 0.5)))
	}
	return out, nil
}

// crowd gives the sorted times of the calls of many goroutines, without those that they began with, when
// not all of them were there yet.
func (s *subject) crowd(ctx context.Context, goroutines, calls int) ([]time.Duration, error) {
	ctx = context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	var errs []error
	for range goroutines {
		wg.Go(func() {
			took, err := s.times(ctx, calls)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took[len(took)/10:]...)
			errs = append(errs, err)
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all, errors.Join(errs...)
}

// besideSpinning tells how long short calls take beside one that computes without end, in switch
// intervals: Python lets go of the GIL once in each.
func besideSpinning(ctx context.Context, s *Setup) (out []float64, err error) {
	sub, err := newSubject(ctx, s, s.Handler)
	if err != nil {
		return nil, err
	}
	defer sub.release()
	interval, err := switchInterval(ctx, s)
	if err != nil {
		return nil, err
	}
	end, err := s.spin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := sub.slowed(ctx, interval/2); err != nil {
		return nil, err
	}
	for range s.Rounds {
		took, err := sub.spaced(context.WithoutCancel(ctx), 100, interval/5)
		if err != nil {
			return nil, err
		}
		out = append(out, float64(quantile(took, 0.99))/float64(interval))
	}
	return out, nil
}

// spaced gives the sorted times of calls with pauses between them: without, they keep the GIL from the
// other, which needs some time to wake up.
func (s *subject) spaced(ctx context.Context, calls int, pause time.Duration) ([]time.Duration, error) {
	var all []time.Duration
	for range calls {
		time.Sleep(pause)
		took, err := s.times(ctx, 1)
		if err != nil {
			return nil, err
		}
		all = append(all, took...)
	}
	slices.Sort(all)
	return all, nil
}

// slowed returns once a call takes so long that the spinning one must be computing.
func (s *subject) slowed(ctx context.Context, least time.Duration) error {
	for {
		took, err := s.times(ctx, 1)
		if err != nil || took[0] >= least {
			return err
		}
	}
}

// spin starts a call that ends when it is interrupted.
func (s *Setup) spin(ctx context.Context) (end func() error, err error) {
	payload, err := makePayload(ctx, s.Runtime, s.Handler, "builtins", "exec", "while True: pass")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := s.Handler.RunUDF(ctx, payload)
		done <- err
	}()
	return func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

func switchInterval(ctx context.Context, s *Setup) (d time.Duration, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		sys, err := s.Runtime.Import(t, "sys")
		if err != nil {
			return err
		}
		defer sys.Release()
		interval, err := sys.CallMethod(t, "getswitchinterval")
		if err != nil {
			return err
		}
		defer interval.Release()
		seconds, err := pybridge.As[float64](t, interval)
		d = time.Duration(seconds * float64(time.Second))
		return err
	})
	return d, err
}
