package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

// stackVariable is set in a process that has had its stack confined, see onStack.
const stackVariable = "GOPYRPC_FAULT_STACK"

func init() {
	if strings.HasPrefix(os.Getenv(faultVariable), "stack-") {
		runtime.LockOSThread() // main and the functions that it calls run on the process's first thread
	}
}

// stackFaults are starts with less stack than the program asks for.
func stackFaults() []fault {
	const (
		works   = "starts; recursion without end is a RecursionError on the first thread too"
		refuses = "ErrFailed that says how much stack there is and what to do; the process goes on"
		fixed   = "the limit of stack can be set, and the stack does not grow (emulators, sandboxes)"
	)
	return []fault{
		{name: "stack-soft-limit", injected: "ulimit -S -s 256", must: works, do: onStack(256<<10, unix.RLIM_INFINITY, false, deepOnFirst)},
		{name: "stack-hard-limit", injected: "ulimit -s 2048", must: works, do: onStack(2<<20, 2<<20, false, deepOnFirst)},
		{name: "stack-hard-limit-small", injected: "ulimit -s 512", must: refuses, do: onStack(512<<10, 512<<10, false, refusedStack)},
		{name: "stack-fixed", injected: fixed + ", 8 MiB", must: works, do: onStack(8<<20, unix.RLIM_INFINITY, true, deepOnFirst)},
		{name: "stack-fixed-small", injected: fixed + ", 512 KiB", must: refuses, do: onStack(512<<10, unix.RLIM_INFINITY, true, refusedStack)},
		{name: "stack-arguments", injected: "1.5 MB of arguments", must: works,
			do: onStack(8<<20, unix.RLIM_INFINITY, false, deepOnFirst, slices.Repeat([]string{strings.Repeat("a", 100_000)}, 15)...)},
	}
}

// onStack runs f in a process that was started with these limits of stack. With fixed limits, setting a limit there
// succeeds and does nothing.
func onStack(soft, hard uint64, fixed bool, f func(*probe), args ...string) func(*probe) {
	return func(p *probe) {
		if os.Getenv(stackVariable) != "" {
			f(p)
			return
		}
		var limit unix.Rlimit
		p.must(unix.Getrlimit(unix.RLIMIT_STACK, &limit))
		limit.Max = min(limit.Max, hard)
		limit.Cur = min(limit.Max, soft)
		p.must(unix.Setrlimit(unix.RLIMIT_STACK, &limit))
		if fixed {
			p.must(fixLimits())
		}
		self, err := os.Executable()
		p.must(err)
		p.must(syscall.Exec(self, append([]string{os.Args[0]}, args...), append(os.Environ(), stackVariable+"=1")))
	}
}

func deepOnFirst(p *probe) {
	w := start(p)
	call := w.innocent()
	w.outcome("RecursionError", "deep")
	w.outcome("RecursionError", "deep_attribute")
	w.outcome("RecursionError", "deep_sorted")
	w.works(call)
	w.close()
}

func refusedStack(p *probe) {
	_, err := pybridge.Start(background)
	p.checkIs(err, pybridge.ErrFailed, "Start")
	p.check(strings.Contains(fmt.Sprint(err), "ulimit -s"), "Start does not say what to do: %v", err)
	p.check(errors.Is(enter(), pybridge.ErrFailed), "a call: %v", enter())
	p.did("%v", err)
}
