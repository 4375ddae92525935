package gil

import "github.com/gopyrpc/gopyrpc/internal/gate"

// A call whose context has ended and that goes on for longer than Patience, as code in C does, gives its permit back:
// nobody waits for what comes of it, and whoever does not know of it must not wait for it either. It keeps its OS
// thread, so the gate bounds how many such calls there may be; beyond that they keep their permits.
//
// The watchdog does this and not the callers, since it has the GIL: who is inside cannot leave meanwhile, so that the
// permit is surely its own; and a call that waits for the GIL, which more permits would not bring nearer, is not yet
// inside.

// abandon gives i's permit back if it is time. It reports whether the call takes a permit from others nonetheless. The
// watchdog calls it, with the GIL.
func (i *interruption) abandon() (blocks bool) {
	if i.ended.Load() || now()-i.since < Patience {
		return false
	}
	permit := i.target.Permit()
	if permit == 0 {
		return false
	}
	blocks = !gate.Process.Abandon(permit)
	i.abandoned.Store(gate.Process.IsAbandoned(permit)) // not where the call waits in Go: Detach gave that permit up
	return blocks
}

// abandonAll gives the permits of list back for whom it is time, and counts those who keep one.
func abandonAll(list []*interruption) (blocking int) {
	for _, i := range list {
		if i.abandon() {
			blocking++
		}
	}
	return blocking
}
