package interrupt

import (
	"time"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// A call whose context has ended and that goes on for longer than Patience, as code in C does, gives its permit back:
// nobody waits for what comes of it, and callers that do not know of it must not wait for it either. It keeps its OS
// thread, so the gate bounds how many such calls there may be; calls beyond that keep their permits.
//
// The watchdog does this and not the callers, since it has the GIL: a call inside Python cannot leave meanwhile, so the
// permit is surely its own; and a call that waits for the GIL, which more permits would not bring nearer, is not yet
// inside.

// abandon gives c's permit back if it is time. It reports whether the call takes a permit from others nonetheless. The
// watchdog calls it, with the GIL.
func (c *Call) abandon() (blocks bool) {
	if c.ended.Load() || time.Since(c.since) < Patience {
		return false
	}
	permit := c.target.Permit()
	if permit == 0 {
		return false
	}
	blocks = !gate.Process.Abandon(permit)
	c.abandoned.Store(gate.Process.IsAbandoned(permit)) // not where the call waits in Go: Detach gave that permit up
	return blocks
}

// abandonAll gives the permits of those calls back for which it is time, and counts the calls that keep one.
func abandonAll(list []*Call) (blocking int) {
	for _, c := range list {
		if c.abandon() {
			blocking++
		}
	}
	return blocking
}
