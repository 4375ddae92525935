package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What an attack may cost the process. The largest that is honest takes a hundredth of it.
const (
	maxMemory = 256 << 20 // of real memory, in bytes
	maxRoom   = 2 << 30   // of address space: a thread's stack and Python's arenas are some of it
	maxTime   = 1500 * time.Millisecond
)

// statusOver is that of a process that a guard has ended: C code with the GIL held does not end by itself.
const statusOver = 3

// guard watches what the process takes while an attack is under way.
type guard struct {
	v             *victim
	name          string
	memory, space int64 // before, in bytes
	time          time.Duration
	over, stopped chan struct{}
}

func (v *victim) watch(name string) *guard {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the highest of real memory begins anew
	g := &guard{v: v, name: name, over: make(chan struct{}), stopped: make(chan struct{})}
	g.memory, g.space = status("VmHWM:"), status("VmPeak:")
	g.time = computed()
	go g.run()
	return g
}

func (g *guard) run() {
	defer close(g.stopped)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-g.over:
			return
		case <-tick.C:
			if fired := g.look(); len(fired) > 0 {
				_ = g.v.events.Encode(event{Name: g.name, Fired: fired})
				os.Exit(statusOver)
			}
		}
	}
}

// end is called when the attack is over, and looks once more.
func (g *guard) end() []firing {
	close(g.over)
	<-g.stopped
	return g.look()
}

func (g *guard) look() (fired []firing) {
	if taken := status("VmHWM:") - g.memory; taken > maxMemory {
		fired = append(fired, firing{memory, fmt.Sprintf("more than %d MiB", taken>>20)})
	} else if taken := status("VmPeak:") - g.space; taken > maxRoom {
		fired = append(fired, firing{memory, fmt.Sprintf("more than %d MiB of address space", taken>>20)})
	}
	if took := computed() - g.time; took > maxTime {
		fired = append(fired, firing{busy, fmt.Sprintf("more than %v of a processor", took.Round(100*time.Millisecond))})
	}
	return fired
}

// status is a line of /proc/self/status, in bytes.
func status(key string) int64 {
	text, err := os.ReadFile("/proc/self/status")
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

// computed is how long the process has computed.
func computed() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
