package agent

import "slices"

// maxSerialRuns is how many runs of serials are kept for one user. Each takes 16 bytes.
const maxSerialRuns = 1 << 14

// serials are the forks of one user that were adopted, by their serials: none is good twice. They come nearly in order, so a few
// runs are all of them. Where there are too many, as with a user whose forks are lost again and again, the two lowest are taken
// for one: the oldest forks that were not adopted are good no more.
type serials struct{ runs []run }

// run is from first to last, both in it.
type run struct{ first, last uint64 }

// spend takes note of a serial, and is false if it was spent before, or never can be.
func (s *serials) spend(n uint64) bool {
	if n == 0 {
		return false
	}
	i, _ := slices.BinarySearchFunc(s.runs, n, func(r run, n uint64) int {
		if r.last < n {
			return -1
		}
		return 1
	})
	if i < len(s.runs) && s.runs[i].first <= n {
		return false
	}
	below := i > 0 && s.runs[i-1].last+1 == n
	above := i < len(s.runs) && s.runs[i].first == n+1
	switch {
	case below && above:
		s.runs[i-1].last = s.runs[i].last
		s.runs = slices.Delete(s.runs, i, i+1)
	case below:
		s.runs[i-1].last = n
	case above:
		s.runs[i].first = n
	default:
		s.runs = slices.Insert(s.runs, i, run{n, n})
		s.joinLowest()
	}
	return true
}

func (s *serials) joinLowest() {
	if len(s.runs) <= maxSerialRuns {
		return
	}
	s.runs[1].first = s.runs[0].first
	s.runs = slices.Delete(s.runs, 0, 1)
}
