package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// stopFaults are ends of a process under every finalise policy, with every obstacle. Each process has
// to end by itself, with the exit status that the program asked for.
func stopFaults() []fault {
	var faults []fault
	for _, policy := range []pybridge.FinalizePolicy{pybridge.FinalizeNever, pybridge.FinalizeGraceful, pybridge.FinalizeFull} {
		for _, o := range obstacles {
			outcome, text := o.outcome, o.err
			switch {
			case policy == pybridge.FinalizeNever:
				outcome = cleanup.OutcomeSkipped
			case policy == pybridge.FinalizeFull && outcome == cleanup.OutcomeSkipped:
				outcome, text = cleanup.OutcomeFailed, pybridge.ErrNotFinalized.Error()
			}
			faults = append(faults, fault{
				name:     fmt.Sprintf("stop-%s-%s", policy, o.name),
				injected: fmt.Sprintf("finalise %s, %s", policy, o.injected),
				must:     fmt.Sprintf("Close in bounded time, interpreter %s, status 7", outcome),
				status:   7,
				stderr:   o.stderr,
				do: func(p *probe) {
					w := start(p, pybridge.WithFinalize(policy))
					if err := w.statements(o.source); err != nil {
						if o.optional {
							p.status = 7
							p.skip("%v", err)
						}
						p.must(err)
					}
					limit := 3 * time.Second
					if o.outcome == cleanup.OutcomeReleased { // nothing is waited for in vain; a busy machine needs the time
						limit = 30 * time.Second
					}
					ctx, cancel := context.WithTimeout(background, limit)
					defer cancel()
					report, err := w.rt.Join(ctx)
					got := outcomeOf(report, "interpreter")
					p.check(got == outcome, "interpreter %v", got)
					p.check(strings.Contains(fmt.Sprint(err), text), "Join: %v", err)
					p.did("interpreter %v; Join: %v", got, err)
					p.status = 7
				},
			})
		}
	}
	return faults
}

// obstacle is something that may be in the way of an end.
type obstacle struct {
	name, injected, source string
	outcome                cleanup.Outcome // of a graceful finalise
	err                    string          // what Join's error must contain
	stderr                 []string
	optional               bool // the module may not be there
}

var obstacles = []obstacle{
	{name: "idle", injected: "nothing in the way", source: "pass", outcome: cleanup.OutcomeReleased, err: "<nil>"},
	{name: "daemon", injected: "daemon threads that sleep, spin, and wait", outcome: cleanup.OutcomeSkipped, err: "<nil>", source: `
import threading, time
def spin():
    while True: pass
for f in (lambda: time.sleep(1000), spin, threading.Event().wait):
    threading.Thread(target=f, daemon=True).start()
`},
	{name: "thread", injected: "a thread that is no daemon and sleeps", outcome: cleanup.OutcomeSkipped, err: "<nil>", source: `
import threading, time
threading.Thread(target=time.sleep, args=(1000,), daemon=False).start() # on a thread of Go's, daemons are the default
`},
	{name: "raising-hook", injected: "atexit hooks that raise and exit", outcome: cleanup.OutcomeReleased, source: `
import atexit, sys
def raises(): raise RuntimeError("hook fails")
atexit.register(raises)
atexit.register(sys.exit, 3)
`},
	{name: "hanging-hook", injected: "an atexit hook that never returns", outcome: cleanup.OutcomeSkipped, err: "atexit hooks", source: `
import atexit, time
atexit.register(time.sleep, 1000)
`},
	{name: "process-pool", injected: "a ProcessPoolExecutor that nobody shuts down", outcome: cleanup.OutcomeReleased, err: "<nil>", source: `
import concurrent.futures, math
pool = concurrent.futures.ProcessPoolExecutor(2)
assert pool.submit(math.sqrt, 4).result() == 2
`},
	{name: "thread-pool", injected: "a ThreadPoolExecutor with work left", outcome: cleanup.OutcomeReleased, err: "<nil>", source: `
import concurrent.futures, time
pool = concurrent.futures.ThreadPoolExecutor(1)
for _ in range(3): pool.submit(time.sleep, 0.1)
`},
	{name: "process", injected: "a process of multiprocessing that does not end", outcome: cleanup.OutcomeReleased,
		err: "multiprocessing's processes had not ended and were terminated: left (pid ", source: `
import multiprocessing, time
multiprocessing.Process(target=time.sleep, args=(1000,), name="left").start()
`},
	{name: "hostile-del", injected: "objects whose __del__ raises at the end", outcome: cleanup.OutcomeReleased, err: "<nil>", source: `
import sys
class Hostile:
    def __del__(self): raise RuntimeError("del fails")
sys.hostile = Hostile()
`},
	{name: "numpy", injected: "numpy loaded", outcome: cleanup.OutcomeReleased, err: "<nil>", optional: true, source: `
import numpy
assert numpy.ones((64, 64)).dot(numpy.ones(64)).sum() == 4096
`},
}

func outcomeOf(r cleanup.Report, step string) cleanup.Outcome {
	for _, s := range r.Steps {
		if s.Name == step {
			return s.Outcome
		}
	}
	return cleanup.OutcomeFailed
}
