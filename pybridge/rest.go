package pybridge

import (
	"runtime"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/procmem"
)

// rest returns free memory to the kernel when no call has entered Python for [restAfter]. Without it malloc keeps free
// memory, and a sync.Pool keeps its buffers until the garbage collector has run twice; in a program that allocates
// nothing the collector runs every two minutes. rest does so once in each idle period, and only if the process has grown
// by [restWorth] since the last time.
type rest struct {
	entries  uint64        // how often the gate had been entered at the last look
	quiet    time.Duration // how long that number has been the same
	resident int           // the process's resident memory in bytes after the last rest, or at the start
}

const (
	// restAfter is how long Python must be idle first: a multiple of [signalPeriod].
	restAfter = 10 * time.Second
	// restWorth is the growth in bytes that is worth a rest: the calls after it pay for allocating the memory anew.
	restWorth = 16 << 20
)

// look is called once in a [signalPeriod].
func (r *rest) look() {
	if r.isDue(gate.Process.Stats().Entries) && residentMemory() > r.resident+restWorth {
		giveBack()
		r.resident = residentMemory()
	}
}

// isDue reports, once in each idle period, that the number of entries has been the same for restAfter.
func (r *rest) isDue(entries uint64) bool {
	if entries != r.entries {
		r.entries, r.quiet = entries, 0
		return false
	}
	if r.quiet >= restAfter {
		return false
	}
	r.quiet += signalPeriod
	return r.quiet >= restAfter
}

// giveBack runs the collector twice: a sync.Pool frees its buffers only in the second run after their last use.
func giveBack() {
	runtime.GC()
	runtime.GC()
	cpython.TrimMemory()
}

// residentMemory is the resident memory of the process in bytes, 0 where the system does not tell.
func residentMemory() int {
	size, _ := procmem.Read()
	return size.Resident
}
