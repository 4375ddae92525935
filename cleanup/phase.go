package cleanup

import "strconv"

// Phase says when in a join a step runs. Phases run in the order of their values;
// the zero Phase is not one, so that a forgotten argument is refused.
type Phase int

// The phases of a join, outermost holder first: whatever is released in one phase
// may still be used by the phases before it and must not be used by those after it.
const (
	PhaseAgent    Phase = iota + 1 // stop accepting requests, drain those in flight
	PhaseRRefs                     // drop the references that remote references own
	PhaseHandler                   // drop the handler's cached Python functions
	PhaseObjects                   // perform the decrefs that were deferred
	PhaseVerify                    // compare the ledger of references with zero
	PhaseFlush                     // flush stdio and logging, run atexit hooks
	PhaseFinalize                  // finalise the interpreter, where that was asked for
)

var phaseNames = [...]string{
	PhaseAgent:    "agent",
	PhaseRRefs:    "rrefs",
	PhaseHandler:  "handler",
	PhaseObjects:  "objects",
	PhaseVerify:   "verify",
	PhaseFlush:    "flush",
	PhaseFinalize: "finalize",
}

func (p Phase) valid() bool { return p >= PhaseAgent && p <= PhaseFinalize }

// String returns the phase's name, or "phase(N)" for a value that is no phase.
func (p Phase) String() string {
	if !p.valid() {
		return "phase(" + strconv.Itoa(int(p)) + ")"
	}
	return phaseNames[p]
}

// MarshalText makes a phase a name in JSON. It never fails.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
