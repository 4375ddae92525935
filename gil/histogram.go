package gil

import (
	"time"

	"github.com/gopyrpc/gopyrpc/internal/calltimes"
)

// Histogram counts durations in buckets of powers of two nanoseconds.
type Histogram struct {
	Count   int64                    `json:"count"`
	Sum     time.Duration            `json:"sum_ns"`
	Buckets [calltimes.Buckets]int64 `json:"-"` // Buckets[i] counts durations d with 2^(i-1) ≤ d < 2^i ns
}

// Mean is zero for an empty histogram.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (h Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}

// Quantile is the upper bound of the bucket that holds the q-th part (0 to 1) of all durations: exact
// to a factor of two.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (h Histogram) Quantile(q float64) time.Duration {
	rank := int64(q * float64(h.Count))
	for i, n := range h.Buckets {
		if rank -= n; rank < 0 && n > 0 {
			return time.Duration(1) << i
		}
	}
	for i := len(h.Buckets) - 1; i >= 0; i-- {
		if h.Buckets[i] > 0 {
			return time.Duration(1) << i
		}
	}
	return 0
}
