//go:build go1.25

package batch_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a test on a clock of its own, which advances when every goroutine waits.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer pass(time.Second) // the clock stops with f, and the gate's ticker needs some to end
		f(t)
	})
}

// pass lets time go by in a bubble.
func pass(d time.Duration) { <-time.After(d) }
