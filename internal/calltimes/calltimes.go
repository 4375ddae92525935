// Package calltimes counts, for the whole process, how long calls into Python queue, wait for the GIL, and hold it.
package calltimes

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The times of all calls.
var (
	Queued Histogram // in the queue, of those that had to queue
	Wait   Histogram // from asking to holding the GIL
	Hold   Histogram // between taking the GIL and giving it back
)

var started = time.Now()

// Now is monotonic and, unlike time.Now, reads one clock only.
func Now() time.Duration { return time.Since(started) }

// Buckets are powers of two of a nanosecond: bucket i counts durations below 2^i ns.
const Buckets = 41 // the last one begins at 18 minutes

// Histogram counts durations. Any goroutine may add to it at any time.
type Histogram struct {
	sum   atomic.Int64
	count [Buckets]atomic.Int64
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) { h.AddN(d, 1) }

// AddN counts d for a sample that stands for n of its kind.
func (h *Histogram) AddN(d time.Duration, n int) {
	d = max(d, 0)
	h.sum.Add(int64(d) * int64(n))
	h.count[min(bits.Len64(uint64(d)), Buckets-1)].Add(int64(n))
}

// Counts are a Histogram's at one moment.
type Counts struct {
	Count   int64
	Sum     time.Duration
	Buckets [Buckets]int64
}

// Counts reads one bucket after the other, not all at one instant.
func (h *Histogram) Counts() Counts {
	s := Counts{Sum: time.Duration(h.sum.Load())}
	for i := range h.count {
		n := h.count[i].Load()
		s.Buckets[i] = n
		s.Count += n
	}
	return s
}
