package gil_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
)

func TestHistogramQuantiles(t *testing.T) {
	var h gil.Histogram
	assert.Zero(t, h.Quantile(0.5), "empty")
	assert.Zero(t, h.Mean(), "empty")
	h.Buckets[10], h.Buckets[20], h.Buckets[40] = 90, 9, 1
	h.Count, h.Sum = 100, 100*time.Millisecond
	for q, bucket := range map[float64]int{0: 10, 0.5: 10, 0.89: 10, 0.9: 20, 0.98: 20, 0.99: 40, 1: 40} {
		assert.Equal(t, time.Duration(1)<<bucket, h.Quantile(q), "quantile %v", q)
	}
	assert.Equal(t, time.Millisecond, h.Mean())
}

func TestStatsCountEntries(t *testing.T) {
	before := gil.Stats()
	for range 10 {
		require.NoError(t, gil.With(background, use))
	}
	after := gil.Stats() // at least: the janitor enters too
	assert.GreaterOrEqual(t, after.Wait.Count-before.Wait.Count, int64(10))
	assert.GreaterOrEqual(t, after.Hold.Count-before.Hold.Count, int64(10))
	assert.Greater(t, after.Hold.Sum, before.Hold.Sum)
}

func TestStatsCountHistogramConsistently(t *testing.T) {
	require.NoError(t, gil.With(background, use))
	s := gil.Stats()
	for _, h := range []gil.Histogram{s.Wait, s.Hold, s.Queued} {
		var n int64
		for _, c := range h.Buckets {
			n += c
		}
		assert.Equal(t, h.Count, n)
		assert.LessOrEqual(t, h.Quantile(0.5), h.Quantile(0.99))
	}
}

func TestStatsDescribeProcess(t *testing.T) {
	require.NoError(t, gil.With(background, func(gil.Token) error {
		s := gil.Stats()
		assert.Equal(t, "running", s.State)
		assert.Positive(t, s.Inside)
		assert.Positive(t, s.Peak)
		assert.Positive(t, s.Quota)
		assert.Positive(t, s.ThreadStates)
		assert.Equal(t, 64, s.Permits)
		return nil
	}))
}
