package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// turns is how often the two are measured in turns for one sample: other machines on the same host make this one faster
// and slower from one second to the next.
const turns = 3

// throughput compares the rate of many goroutines with that of one.
func throughput(goroutines int) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		sub, err := newSubject(ctx, s, s.Handler)
		if err != nil {
			return nil, err
		}
		defer sub.release()
		const calls = 10 * callsPerRound
		// Time of one over time of many for the same number of calls is the ratio of the rates.
		return ratiosOfSums(s.Rounds, turns,
			func() (time.Duration, error) { return sub.ours(ctx, calls) },
			func() (time.Duration, error) { return sub.abreast(ctx, goroutines, calls) })
	}
}

func (s *subject) abreast(ctx context.Context, goroutines, calls int) (time.Duration, error) {
	var wg sync.WaitGroup
	var failure atomic.Pointer[error]
	var left atomic.Int64
	left.Store(int64(calls))
	ctx = context.WithoutCancel(ctx)
	start := time.Now()
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := s.handler.RunUDF(ctx, s.payload); err != nil {
					failure.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return took, nil
}
