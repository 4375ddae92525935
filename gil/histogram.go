package gil

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets are powers of two of a nanosecond: bucket i counts durations below 2^i ns.
const buckets = 41 // the last one begins at 18 minutes

type histogram struct {
	sum   atomic.Int64
	count [buckets]atomic.Int64
}

func (h *histogram) add(d time.Duration) { h.addTimes(d, 1) }

// addTimes counts d for a sample that stands for n of its kind.
func (h *histogram) addTimes(d time.Duration, n int) {
	d = max(d, 0)
	h.sum.Add(int64(d) * int64(n))
	h.count[min(bits.Len64(uint64(d)), buckets-1)].Add(int64(n))
}

func (h *histogram) snapshot() Histogram {
	s := Histogram{Sum: time.Duration(h.sum.Load())}
	for i := range h.count {
		n := h.count[i].Load()
		s.Buckets[i] = n
		s.Count += n
	}
	return s
}

// Histogram counts durations in buckets of powers of two nanoseconds.
type Histogram struct {
	Count   int64          `json:"count"`
	Sum     time.Duration  `json:"sum_ns"`
	Buckets [buckets]int64 `json:"-"` // Buckets[i] counts durations d with 2^(i-1) ≤ d < 2^i ns
}

// Mean is zero for an empty histogram.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (h Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}

// Quantile is the upper bound of the bucket that holds the q-th part (0 to 1) of all durations: exact
// to a factor of two.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (h Histogram) Quantile(q float64) time.Duration {
	rank := int64(q * float64(h.Count))
	for i, n := range h.Buckets {
		if rank -= n; rank < 0 && n > 0 {
			return time.Duration(1) << i
		}
	}
	for i := buckets - 1; i >= 0; i-- {
		if h.Buckets[i] > 0 {
			return time.Duration(1) << i
		}
	}
	return 0
}
