// Package backoff says how long to wait before what has failed is tried again.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Min is the wait after the first failure, at most, and Max the longest.
const (
	Min = 100 * time.Millisecond
	Max = 5 * time.Second
)

// Delay is how long to wait after so many failures, one or more: twice as long each time, and not in step with others.
func Delay(failures int) time.Duration {
	d := min(Min<<min(failures-1, 10), Max)
	return d/2 + rand.N(d/2)
}

// Wait waits, unless ctx ends first: then it returns the error of ctx.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
