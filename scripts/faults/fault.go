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

// faultVariable tells a process which fault it is to suffer.
const faultVariable = "GOPYRPC_FAULT"

// fault is one row of the table.
type fault struct {
	name     string // the fault's name in the table; the part before the dash is the group
	injected string // what is done
	must     string // what must happen

	env    []string                // added to the environment
	limit  time.Duration           // of the process; defaultLimit where zero
	do     func(p *probe)          // runs in the process
	status int                     // how the process must end; 128 and its number for a signal
	among  []int                   // or one of these statuses
	stderr []string                // what stderr must contain
	ready  func(pid int) error     // what is done from outside when the process says that it is ready
	needs  func() (missing string) // what the machine may not have
}

const defaultLimit = 40 * time.Second

// statuses are the exit statuses that the fault may have.
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

// Beginnings of the lines of a process's stdout that are for the table. All other lines are Python's.
const (
	readyLine = "fault: ready"
	didLine   = "fault: did "
	wrongLine = "fault: wrong "
	skipLine  = "fault: skip "
)

// statusWrong is the exit status of a process that saw what must not happen.
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

// probe takes the report of a fault's function.
type probe struct {
	wrong  atomic.Bool
	status int // the process ends with it
}

// did says what happened, for the table.
func (p *probe) did(format string, args ...any) { say(didLine, format, args...) }

// check reports that a condition does not hold which must hold.
func (p *probe) check(holds bool, format string, args ...any) {
	if !holds {
		p.wrong.Store(true)
		say(wrongLine, format, args...)
	}
}

// must ends the process if there is an error: the fault cannot even be injected then.
func (p *probe) must(err error) {
	if err != nil {
		say(wrongLine, "%v", err)
		os.Exit(statusWrong)
	}
}

// skip ends the process: this Python lacks something that the fault needs.
func (p *probe) skip(format string, args ...any) {
	say(skipLine, format, args...)
	os.Exit(0)
}

// ready tells the parent that the process has come to the place where the fault hits it.
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
