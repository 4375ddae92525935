package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
)

// interruptFaults are functions that are interrupted in places where other calls would suffer from it.
func interruptFaults() []fault {
	const must = "DeadlineExceeded each time; every call ends, and a later one finds everything free"
	row := func(name, injected string, shortest, longest time.Duration, functions ...string) fault {
		return fault{name: "interrupt-" + name, injected: injected, must: must, limit: 2 * time.Minute, do: usual(func(w *world) {
			w.interruptOften(shortest, longest, functions)
		})}
	}
	return []fault{
		row("thread-start", "400 calls that start threads, deadlines 3 to 50 ms", 3*time.Millisecond, 50*time.Millisecond, "starts_threads"),
		row("executors", "400 calls that start ThreadPoolExecutors, deadlines 3 to 50 ms", 3*time.Millisecond, 50*time.Millisecond, "starts_executors"),
		row("queue", "400 calls that put into a Queue and get from it, deadlines 50 to 100 ms", 50*time.Millisecond, 100*time.Millisecond, "puts_and_gets"),
		row("polling", "400 calls that look into an empty Queue every 10 ms, deadlines 3 to 50 ms", 3*time.Millisecond, 50*time.Millisecond, "polls"),
		row("condition", "400 calls that wait for a Condition every 1 ms, deadlines 3 to 50 ms", 3*time.Millisecond, 50*time.Millisecond, "with_condition"),
	}
}

// interruptOften makes calls that never end by themselves, four at a time.
func (w *world) interruptOften(shortest, longest time.Duration, functions []string) {
	const calls, callers, endsIn = 400, 4, 20 * time.Second
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := caller; n < calls; n += callers {
				call := w.payload(functions[n%len(functions)])
				ctx, cancel := context.WithTimeout(background, shortest+time.Duration(n)*(longest-shortest)/calls)
				_, err := w.run(ctx, call)
				cancel()
				w.check(errors.Is(err, context.DeadlineExceeded), "%v", err)
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(endsIn); len(gil.Stats().Stuck) > 0 && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	stuck := gil.Stats().Stuck
	for _, s := range stuck[:min(1, len(stuck))] {
		w.check(false, "%d calls have not ended, one of them in\n%s", len(stuck), s.Stack)
	}
	v, err := w.call("shared_is_free")
	w.check(err == nil && v == int64(42), "a later call gave %v, %v", v, err)
	w.did("%d × DeadlineExceeded, then %v", calls, v)
}
