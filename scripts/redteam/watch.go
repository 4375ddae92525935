package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// What an attack may cost the process. The bounds are above what the reader's limits allow.
const (
	maxMemory = 400 << 20 // bytes of resident memory; 1,000,000 nodes, the most that the reader allows, take half of that
	maxRoom   = 2 << 30   // bytes of address space, with threads' stacks and Python's arenas
	maxTime   = 1500 * time.Millisecond
)

// statusOver is the exit status of a process that a guard has ended: C code with the GIL held does not end by itself.
const statusOver = 3

// guard watches how much memory and time a process takes during an attack.
type guard struct {
	pid           int
	memory, space int64 // before the attack, in bytes
	time          time.Duration
	over, stopped chan struct{}
}

func newGuard(pid int) guard {
	// The kernel begins anew to note the peak of resident memory.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	g := guard{pid: pid, over: make(chan struct{}), stopped: make(chan struct{})}
	g.memory, g.space = g.status("VmHWM:"), g.status("VmPeak:")
	g.time = g.computed()
	return g
}

// watch ends this process when an attack takes too much.
func (v *victim) watch(name string) *guard {
	g := newGuard(os.Getpid())
	go func() {
		defer close(g.stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-g.over:
				return
			case <-tick.C:
				if fired := g.look(); len(fired) > 0 {
					_ = v.events.Encode(event{Name: name, Fired: fired})
					os.Exit(statusOver)
				}
			}
		}
	}()
	return &g
}

// end is called when the attack is over, and looks for the last time.
func (g *guard) end() []firing {
	close(g.over)
	<-g.stopped
	return g.look()
}

func (g *guard) look() (fired []firing) {
	if taken := g.status("VmHWM:") - g.memory; taken > maxMemory {
		fired = append(fired, firing{memory, fmt.Sprintf("more than %d MiB", taken>>20)})
	} else if taken := g.status("VmPeak:") - g.space; taken > maxRoom {
		fired = append(fired, firing{memory, fmt.Sprintf("more than %d MiB of address space", taken>>20)})
	}
	if took := g.computed() - g.time; took > maxTime {
		fired = append(fired, firing{busy, fmt.Sprintf("more than %v of a processor", took.Round(100*time.Millisecond))})
	}
	return fired
}

// status is a line of the process's /proc/PID/status, in bytes; 0 when it has ended.
func (g *guard) status(key string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// computed is how long the process has computed, to 10 ms; 0 when the process has ended.
func (g *guard) computed() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ") // behind the name, which may contain any character
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100)
}
