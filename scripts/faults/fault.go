package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// faultVariable tells a process that it is to suffer a fault, and which.
const faultVariable = "GOPYRPC_FAULT"

// fault is one row of the table.
type fault struct {
	name     string // what the table calls it; the part before the dash is the group
	injected string // what is done
	must     string // what must happen

	env    []string                // on top of the environment
	limit  time.Duration           // of the process; defaultLimit where zero
	do     func(p *probe)          // runs in the process
	status int                     // how the process must end; 128 and its number for a signal
	among  []int                   // or one of these statuses
	stderr []string                // what stderr must contain
	ready  func(pid int) error     // what is done from outside when the process says that it is ready
	needs  func() (missing string) // what the machine may not have
}

const defaultLimit = 40 * time.Second

// statuses are those that the fault may end with.
func (f fault) statuses() []int {
	if len(f.among) > 0 {
		return f.among
	}
	return []int{f.status}
}

// send is a fault's ready for signals.
func send(sig syscall.Signal) func(int) error {
	return func(pid int) error { return syscall.Kill(pid, sig) }
}

// allFaults is the table.
func allFaults() []fault {
	return slices.Concat(
		startFaults(),
		stopFaults(),
		joinFaults(),
		signalFaults(),
		gilFaults(),
		objectFaults(),
		callbackFaults(),
		exitFaults(),
		exceptionFaults(),
		exhaustFaults(),
		deadlineFaults(),
		stuckFaults(),
		interruptFaults(),
		poisonFaults(),
		payloadFaults(),
		torchFaults(),
		loadFaults(),
		agentFaults(),
		killFaults(),
		limitFaults(),
		stackFaults(),
		failedWriteFaults(),
	)
}

// Lines of a process's stdout that are for the table; all else on it is Python's.
const (
	readyLine = "fault: ready"
	didLine   = "fault: did "
	wrongLine = "fault: wrong "
	skipLine  = "fault: skip "
)

// statusWrong is a process's own when it saw what must not happen.
const statusWrong = 97

// inject is the main function of a process that suffers a fault.
func inject(name string) int {
	for _, f := range allFaults() {
		if f.name == name {
			p := &probe{}
			f.do(p)
			if p.wrong.Load() {
				return statusWrong
			}
			return p.status
		}
	}
	fmt.Fprintf(os.Stderr, "faults: none is called %q\n", name)
	return statusWrong
}

// probe is what a fault's function reports to.
type probe struct {
	wrong  atomic.Bool
	status int // to end with
}

// did says what happened, for the table.
func (p *probe) did(format string, args ...any) { say(didLine, format, args...) }

// check says that what must hold does not.
func (p *probe) check(holds bool, format string, args ...any) {
	if !holds {
		p.wrong.Store(true)
		say(wrongLine, format, args...)
	}
}

// must ends the process: without this the fault cannot even be injected.
func (p *probe) must(err error) {
	if err != nil {
		say(wrongLine, "%v", err)
		os.Exit(statusWrong)
	}
}

// skip ends the process: this Python has not got what is needed.
func (p *probe) skip(format string, args ...any) {
	say(skipLine, format, args...)
	os.Exit(0)
}

// ready says to the parent that the process is where it is to be hit.
func (p *probe) ready() { fmt.Println(readyLine) }

func say(prefix, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' ' // one line, and nothing that a terminal obeys
		}
		return r
	}, fmt.Sprintf(format, args...))
	fmt.Println("\n" + prefix + text)
}
