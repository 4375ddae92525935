// Package replay keeps a number from being good twice: an anti-replay window like that of IPsec (RFC 4303, section 3.4.3),
// which has no fixed width, as it keeps the runs of the numbers that were spent and not a bit for each.
package replay

import "slices"

// MaxRuns is how many runs of numbers a Window keeps. Each takes 16 bytes.
const MaxRuns = 1 << 14

// Window knows which numbers were spent. Numbers come nearly in order, so a few runs are all of them. Where there are more than
// MaxRuns, as with numbers that are lost again and again, the two lowest are taken for one: the lowest numbers that were
// not spent are good no more. The zero value is ready for use; its user locks it.
type Window struct{ runs []run }

// run is from first to last, both in it.
type run struct{ first, last uint64 }

// Spend takes note of a number, and is false if it was spent before, or never can be: 0 is no number.
func (w *Window) Spend(n uint64) bool {
	if n == 0 {
		return false
	}
	i, _ := slices.BinarySearchFunc(w.runs, n, func(r run, n uint64) int {
		if r.last < n {
			return -1
		}
		return 1
	})
	if i < len(w.runs) && w.runs[i].first <= n {
		return false
	}
	below := i > 0 && w.runs[i-1].last+1 == n
	above := i < len(w.runs) && w.runs[i].first == n+1
	switch {
	case below && above:
		w.runs[i-1].last = w.runs[i].last
		w.runs = slices.Delete(w.runs, i, i+1)
	case below:
		w.runs[i-1].last = n
	case above:
		w.runs[i].first = n
	default:
		w.runs = slices.Insert(w.runs, i, run{n, n})
		w.joinLowest()
	}
	return true
}

// joinLowest keeps the runs within MaxRuns.
func (w *Window) joinLowest() {
	if len(w.runs) <= MaxRuns {
		return
	}
	w.runs[1].first = w.runs[0].first
	w.runs = slices.Delete(w.runs, 0, 1)
}

// Runs is how many runs are kept.
func (w *Window) Runs() int { return len(w.runs) }
