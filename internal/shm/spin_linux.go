package shm

import (
	"runtime"
	"sync/atomic"
)

// maxMisses bounds how rarely a reader spins whose spins were in vain: once in 2^maxMisses waits.
const maxMisses = 6

// spinning is true while a reader of the process spins: one at a time takes a processor from the rest.
var spinning atomic.Bool

// spinBackoff decides whether a reader spins before it sleeps: each spin in vain in a row doubles the number of waits
// that sleep at once. It may be wrong when two goroutines use it at once.
type spinBackoff struct {
	misses atomic.Uint32 // in a row
	skip   atomic.Uint32 // waits until the next attempt
}

// spins says whether to spin now. It is false on one processor, as nothing else could make progress meanwhile.
func (p *spinBackoff) spins() bool {
	if skip := p.skip.Load(); skip > 0 {
		p.skip.Store(skip - 1)
		return false
	}
	return runtime.GOMAXPROCS(0) > 1
}

func (p *spinBackoff) hit() { p.misses.Store(0) }

func (p *spinBackoff) missed() {
	misses := min(p.misses.Load()+1, maxMisses)
	p.misses.Store(misses)
	p.skip.Store(1<<misses - 1)
}
