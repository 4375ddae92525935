package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// deadlineFaults are calls whose caller leaves before they end.
func deadlineFaults() []fault {
	return []fault{
		{name: "deadline-spin", injected: "an endless loop, deadline 200 ms, then 100 innocent calls", must: "the deadline's error; no stray interrupts", do: usual(func(w *world) {
			err := w.deadline("spin")
			call := w.innocent()
			for range 100 {
				w.works(call)
			}
			w.did("%v", err)
		})},
		{name: "deadline-text", injected: "an exception whose __str__ never ends, deadline 200 ms", must: "the deadline's error", do: usual(func(w *world) {
			w.did("%v", w.deadline("hostile", "LoopingText"))
		})},
		{name: "deadline-stubborn", injected: "a loop that catches BaseException, deadline 200 ms", must: "the caller leaves; the call is named as stuck", status: 7, do: func(p *probe) {
			w := start(p)
			p.did("%v", w.deadline("stubborn"))
			p.check(len(gil.Stats().Stuck) == 1, "stuck: %v", gil.Stats().Stuck)
			p.status = 7
		}},
		{name: "deadline-sleep", injected: "64 calls sleep 1000 s, deadline 200 ms each, then 100 innocent calls", must: "all callers leave; every innocent call has its result", status: 7, do: func(p *probe) {
			w := start(p)
			w.stick(64)
			call := w.innocent()
			for range 100 {
				w.works(call)
			}
			p.did("%d permits were given back", gil.Stats().Abandoned)
			p.status = 7
		}},
		{name: "deadline-in-c", injected: "C code that keeps the GIL, deadline 200 ms, Go ticker beside it", must: "the caller leaves; Go's clock is not held up", status: 7, do: func(p *probe) {
			w := start(p)
			call := w.payload("in_c", 60)
			var ticks atomic.Int64
			go func() {
				for range time.Tick(10 * time.Millisecond) {
					ticks.Add(1)
				}
			}()
			ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
			defer cancel()
			_, err := w.h.RunUDF(ctx, call)
			p.checkIs(err, context.DeadlineExceeded, "RunUDF")
			p.check(ticks.Load() > 3, "%d ticks", ticks.Load())
			p.did("%v", err)
			p.status = 7
		}},
	}
}

// deadline makes a call that must not end before its context does, after 200 ms.
func (w *world) deadline(name string, args ...any) error {
	call := w.payload(name, args...)
	ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	_, err := w.h.RunUDF(ctx, call)
	w.checkIs(err, context.DeadlineExceeded, name)
	return err
}

// loadFaults are many calls at once.
func loadFaults() []fault {
	return []fault{
		{name: "load-short-calls", injected: "64 goroutines × 500 short calls, with Gosched and GC between", must: "every result right", do: usual(func(w *world) {
			call := w.innocent()
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					for j := range 500 {
						if _, err := w.h.RunUDF(background, call); err != nil {
							w.check(false, "%v", err)
						}
						if runtime.Gosched(); i == 0 && j%50 == 0 {
							runtime.GC()
						}
					}
				})
			}
			wg.Wait()
			w.threadsBounded(0)
		})},
		{name: "load-goroutines", injected: "1,000 goroutines call functions that wait", must: "every result; OS threads bounded by the permits", do: usual(func(w *world) {
			call := w.payload("sleep", 0.001)
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					v, err := w.run(background, call)
					w.check(err == nil && v == "slept", "%v, %v", v, err)
				})
			}
			wg.Wait()
			w.threadsBounded(0)
		})},
		{name: "load-thread-explosion", injected: "12,000 goroutines wait while one call keeps the GIL in C", must: "OS threads bounded; every caller has its deadline's error or a result", do: explosion},
		{name: "load-nested", injected: "128 functions that each run another through Go", must: "no deadlock; an OS thread for each frame, no more", do: usual(func(w *world) {
			const callers = 128
			call := w.innocent()
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					v := w.callback(func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return w.run(ctx, call) })
					w.check(v == "42", "%s", v)
				})
			}
			wg.Wait()
			w.threadsBounded(callers)
		})},
	}
}

// threadsBounded checks that there are no more threads than permits, calls that are suspended, and some of the Go runtime's own.
func (w *world) threadsBounded(suspended int) {
	s := gil.Stats()
	w.check(s.OSThreads <= s.Permits+suspended+2*runtime.NumCPU()+32, "%d OS threads with %d permits", s.OSThreads, s.Permits)
	w.did("%d OS threads, %d thread states", s.OSThreads, s.ThreadStates)
}

func explosion(p *probe) {
	const callers = 12000
	w := start(p)
	long, call := w.payload("in_c", 26), w.innocent()
	holder := make(chan error, 1)
	go func() {
		_, err := w.h.RunUDF(gil.WithLabel(background, "the holder"), long)
		holder <- err
	}()
	w.until("the holder is inside", func() bool { return isInside("the holder") })
	ctx, cancel := context.WithTimeout(background, time.Second)
	defer cancel()
	var results, late atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			switch _, err := w.h.RunUDF(ctx, call); {
			case err == nil:
				results.Add(1)
			case errors.Is(err, context.DeadlineExceeded):
				late.Add(1)
			default:
				w.check(false, "%v", err)
			}
		})
	}
	wg.Wait()
	p.checkIs(<-holder, nil, "the holder")
	w.threadsBounded(0)
	w.works(call)
	w.close()
	p.did("%d results, %d deadlines, %d OS threads", results.Load(), late.Load(), gil.Stats().OSThreads)
}

// signalFaults are signals from outside.
func signalFaults() []fault {
	const bounded = "the program joins in bounded time, status 143"
	var faults []fault
	for _, c := range []struct {
		name, injected, udf string
		args                []any
	}{
		{"sleeping", "a function sleeps", "sleep", []any{1000}},
		{"spinning", "a function spins", "spin", nil},
		{"in-c", "a function is in C with the GIL", "in_c", []any{60}},
	} {
		faults = append(faults, fault{
			name: "signal-term-" + c.name, injected: "SIGTERM while " + c.injected, must: bounded,
			status: 143, ready: send(syscall.SIGTERM), do: func(p *probe) { serve(p, c.udf, c.args...) },
		})
	}
	return append(faults,
		fault{name: "signal-term-finishing", injected: "SIGTERM while 32 calls run that finish, 200 wait", must: "those inside have their results, the others theirs or ErrClosed; status 143",
			status: 143, ready: send(syscall.SIGTERM), do: finishing},
		fault{name: "signal-kill", injected: "SIGKILL while functions run", must: "status 137, nothing left behind", status: 137,
			ready: send(syscall.SIGKILL), do: func(p *probe) { serve(p, "spin") }},
		fault{name: "signal-int-caught", injected: "SIGINT to a program that catches it, while a function spins", must: "Go gets it; Python is not disturbed",
			status: 130, ready: send(syscall.SIGINT), do: func(p *probe) { serve(p, "spin") }},
		fault{name: "signal-stolen", injected: "a function calls signal.signal and interrupt_main, then SIGTERM", must: "refused outside Python's main thread; Go gets SIGTERM",
			status: 143, ready: send(syscall.SIGTERM), do: func(p *probe) {
				w := start(p)
				_, err := w.call("sets_signal")
				p.check(err != nil && strings.Contains(err.Error(), "main thread"), "signal.signal: %v", err)
				_, err = w.call("interrupts_main")
				p.check(err == nil || strings.Contains(err.Error(), "KeyboardInterrupt"), "interrupt_main: %v", err)
				serveIn(w, "sleep", 1000)
			}},
		fault{name: "signal-urgent", injected: "500 SIGURG and SIGCHLD while functions run", must: "every result",
			do: usual(func(w *world) {
				stop := make(chan struct{})
				go func() {
					for range 250 {
						_ = syscall.Kill(os.Getpid(), syscall.SIGURG)
						_ = syscall.Kill(os.Getpid(), syscall.SIGCHLD)
						runtime.Gosched()
					}
					close(stop)
				}()
				call, n := w.innocent(), 0
				for ended := false; !ended || n < 100; n++ {
					w.works(call)
					select {
					case <-stop:
						ended = true
					default:
					}
				}
				w.did("%d calls right", n)
			})},
	)
}

// serve is a program that runs a function that does not end, and joins on a signal.
func serve(p *probe, name string, args ...any) { serveIn(start(p), name, args...) }

func serveIn(w *world, name string, args ...any) {
	call := w.payload(name, args...)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() { _, _ = w.h.RunUDF(gil.WithLabel(background, "the endless one"), call) }()
	w.until("the call is inside", func() bool { return isInside("the endless one") })
	w.ready()
	w.status = 128 + int((<-signals).(syscall.Signal))
	ctx, cancel := context.WithTimeout(background, time.Second)
	defer cancel()
	began := time.Now()
	err := w.rt.Close(ctx)
	w.check(strings.Contains(fmt.Sprint(err), "the endless one"), "Close: %v", err)
	w.did("joined after %.1f s", time.Since(began).Seconds())
}

// finishing is a program whose calls end soon after the signal.
func finishing(p *probe) {
	w := start(p)
	slow, call := w.payload("sleep", 1), w.innocent()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	var inside, rest, closed atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			v, err := w.h.RunUDF(gil.WithLabel(background, "the slow ones"), slow)
			if err == nil && len(v.Data) > 0 {
				inside.Add(1)
			}
			w.check(err == nil, "a call that was inside: %v", err)
		})
	}
	w.until("they are inside", func() bool { return gil.Stats().Inside >= 32 })
	w.ready()
	<-signals
	for range 200 {
		wg.Go(func() {
			_, err := w.h.RunUDF(background, call)
			if err == nil {
				rest.Add(1)
			} else if w.checkIs(err, pybridge.ErrClosed, "a call that waited"); true {
				closed.Add(1)
			}
		})
	}
	w.close()
	wg.Wait()
	p.did("%d results, and %d of those that waited, %d ErrClosed", inside.Load(), rest.Load(), closed.Load())
	p.status = 143
}
