package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
)

// TestDelay_doublesUpToTheMaximum, of which a half or more is waited.
func TestDelay_doublesUpToTheMaximum(t *testing.T) {
	whole := backoff.Min
	for failures := 1; failures < 100; failures++ {
		for range 100 {
			d := backoff.Delay(failures)
			assert.GreaterOrEqual(t, d, whole/2, "after %d failures", failures)
			assert.Less(t, d, whole, "after %d failures", failures)
		}
		whole = min(2*whole, backoff.Max)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		assert.NoError(t, backoff.Wait(t.Context(), time.Minute))
		assert.Equal(t, time.Minute, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, backoff.Wait(ctx, time.Minute), context.DeadlineExceeded)
		assert.Equal(t, time.Minute+time.Second, time.Since(began))
	})
}
