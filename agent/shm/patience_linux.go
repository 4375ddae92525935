package shm

import (
	"runtime"
	"sync/atomic"
)

// maxMisses bounds how seldom a reader spins that has done so in vain: once in 2^maxMisses times.
const maxMisses = 6

// spinning is true while a reader of the process spins: one at a time takes a processor from the rest.
var spinning atomic.Bool

// patience knows whether it was worth it lately. It may be wrong when two use it at once.
type patience struct {
	misses atomic.Uint32 // in a row
	skip   atomic.Uint32 // waits until the next attempt
}

// spins says whether to wait without sleeping, on a machine that has another processor to make what is waited for.
func (p *patience) spins() bool {
	if skip := p.skip.Load(); skip > 0 {
		p.skip.Store(skip - 1)
		return false
	}
	return runtime.GOMAXPROCS(0) > 1
}

func (p *patience) hit() { p.misses.Store(0) }

func (p *patience) missed() {
	misses := min(p.misses.Load()+1, maxMisses)
	p.misses.Store(misses)
	p.skip.Store(1<<misses - 1)
}
