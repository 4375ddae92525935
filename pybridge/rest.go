package pybridge

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// rest gives memory that is free back to the kernel when nobody has entered Python for a while: malloc keeps what it
// may, and pools of Go's keep buffers until the garbage collector has run twice, which it does every other
// minute where nothing is made. It happens once for each such while, and only where memory has grown: a
// program that is idle is left alone.
type rest struct {
	entries  uint64        // of the gate, when it was looked at last
	quiet    time.Duration // for which they have been the same
	resident int           // bytes that the process had after the last rest, or at the start
}

const (
	// restAfter is how long nobody must have entered: a multiple of [signalPeriod].
	restAfter = 10 * time.Second
	// restWorth is how much memory must have grown since the last rest. The next calls pay for getting it anew.
	restWorth = 16 << 20
)

// look is called once in a [signalPeriod].
func (r *rest) look() {
	if r.isDue(gate.Process.Stats().Entries) && residentMemory() > r.resident+restWorth {
		giveBack()
		r.resident = residentMemory()
	}
}

// isDue is true once for each while of restAfter in which entries stay the same.
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

// giveBack runs the collector twice: a sync.Pool lets go in the second run of what it had in the first.
func giveBack() {
	runtime.GC()
	runtime.GC()
	cpython.TrimMemory()
}

// residentMemory is the process's in bytes, 0 where it cannot be known.
func residentMemory() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize()
}
