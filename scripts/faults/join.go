package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// joinFaults are joins while calls are in progress.
func joinFaults() []fault {
	const named = "Close returns at its bound, names the call, nothing is finalised; status as asked"
	return []fault{
		{name: "join-sleeping", injected: "Close while a function sleeps 1000 s", must: named, status: 7, do: joinDuring("sleep", 1000)},
		{name: "join-spinning", injected: "Close while a function spins", must: named, status: 7, do: joinDuring("spin")},
		{name: "join-in-c", injected: "Close while a function is in C with the GIL", must: named, status: 7, limit: time.Minute, do: joinDuring("in_c", 60)},
		{name: "join-queue", injected: "Close while 1,000 calls wait behind a running one",
			must: "each has its result or ErrClosed, the running one its result", do: joinQueue},
		{name: "join-inside", injected: "Close from inside a function, by a Go callback", must: "refused at once; Close works afterwards", do: joinInside},
		{name: "join-held", injected: "Close with the GIL held", must: "ErrHeld; Close works afterwards",
			do: func(p *probe) {
				w := start(p)
				var err error
				p.must(gil.With(background, func(gil.Token) error { err = w.rt.Close(background); return nil }))
				p.checkIs(err, pybridge.ErrHeld, "Close")
				w.works(w.innocent())
				w.close()
				p.did("%v", err)
			}},
		{name: "join-concurrent", injected: "16 goroutines close 4 handles, and handlers at once", must: "closed once, no error, no hang", do: joinConcurrent},
		{name: "join-under-load", injected: "Close while 32 goroutines call without pause",
			must: "each call its result or ErrClosed; after ErrClosed never a result; Close without error", do: joinUnderLoad},
		{name: "join-cleanup-cycles", injected: "handlers made and cleaned up while 16 goroutines call", must: "results or ErrClosed; no reference left", do: joinCycles},
	}
}

// joinDuring closes while a call runs that does not end.
func joinDuring(name string, args ...any) func(*probe) {
	return func(p *probe) {
		w := start(p, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		call := w.payload(name, args...)
		go func() { _, _ = w.h.RunUDF(gil.WithLabel(background, "the endless one"), call) }()
		w.until("the call is inside", func() bool { return isInside("the endless one") })
		ctx, cancel := context.WithTimeout(background, 500*time.Millisecond)
		defer cancel()
		began := time.Now()
		report, err := w.rt.Join(ctx)
		took := time.Since(began)
		p.check(strings.Contains(fmt.Sprint(err), "the endless one"), "the call is not named: %v", err)
		p.check(took < 20*time.Second, "Join took %v", took)
		p.check(outcomeOf(report, "interpreter") == cleanup.OutcomeSkipped, "interpreter %v", outcomeOf(report, "interpreter"))
		p.checkIs(enter(), pybridge.ErrClosed, "a call afterwards")
		p.did("closed after %.1f s, call named", took.Seconds())
		p.status = 7
	}
}

func isInside(label string) bool {
	for _, l := range gate.Process.Inside() {
		if l == label {
			return true
		}
	}
	return false
}

// until polls for a condition that has no notification.
func (p *probe) until(what string, condition func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.must(errors.New("never: " + what))
		}
	}
}

func joinQueue(p *probe) {
	const callers = 1000
	w := start(p)
	running, waiting := w.payload("sleep", 1.5), w.innocent()
	first := make(chan error, 1)
	go func() {
		v, err := w.h.RunUDF(gil.WithLabel(background, "the running one"), running)
		if err == nil && len(v.Data) == 0 {
			err = errors.New("no result")
		}
		first <- err
	}()
	w.until("the call is inside", func() bool { return isInside("the running one") })
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			_, err := w.h.RunUDF(background, waiting)
			outcome := "result"
			if errors.Is(err, pybridge.ErrClosed) {
				outcome = "closed"
			} else if err != nil {
				outcome = err.Error()
			}
			mu.Lock()
			counts[outcome]++
			mu.Unlock()
		})
	}
	err := w.rt.Close(background)
	p.check(err == nil, "Close: %v", err)
	p.checkIs(<-first, nil, "the running call")
	wg.Wait()
	p.check(counts["result"]+counts["closed"] == callers, "outcomes: %v", counts)
	p.did("%v", counts)
}

func joinInside(p *probe) {
	w := start(p)
	var inside error
	p.must(gil.With(background, func(t gil.Token) error {
		f, err := pybridge.NewFunc(t, background, "close", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			inside = w.rt.Close(ctx)
			return nil, nil
		})
		if err != nil {
			return err
		}
		defer f.Release()
		result, err := f.Call(t)
		result.Release()
		return err
	}))
	p.check(inside != nil && !errors.Is(inside, pybridge.ErrClosed), "Close inside: %v", inside)
	w.works(w.innocent())
	w.close()
	p.did("%v", inside)
}

func joinConcurrent(p *probe) {
	w := start(p)
	runtimes := []*pybridge.Runtime{w.rt}
	for range 3 {
		rt, err := pybridge.Start(background)
		p.must(err)
		runtimes = append(runtimes, rt)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if i%4 == 0 {
				p.checkIs(w.h.Cleanup(background), nil, "Cleanup")
			}
			p.checkIs(runtimes[i%4].Close(background), nil, "Close")
		})
	}
	wg.Wait()
	w.until("closed", func() bool { return errors.Is(enter(), pybridge.ErrClosed) })
	p.check(pybridge.Owned() == 0, "%d references left", pybridge.Owned())
	p.did("closed once")
}

func joinUnderLoad(p *probe) {
	const callers = 32
	w := start(p)
	call := w.innocent()
	busy := make(chan struct{}, callers)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			said := false
			for {
				_, err := w.h.RunUDF(background, call)
				if err == nil {
					if !said {
						busy <- struct{}{}
						said = true
					}
					continue
				}
				p.checkIs(err, pybridge.ErrClosed, "a call")
				_, err = w.h.RunUDF(background, call)
				p.checkIs(err, pybridge.ErrClosed, "a call after ErrClosed")
				if !said {
					busy <- struct{}{}
				}
				return
			}
		})
	}
	for range callers {
		<-busy
	}
	w.close()
	wg.Wait()
	p.check(pybridge.Owned() == 0, "%d references left", pybridge.Owned())
	p.did("every call had its result or ErrClosed")
}

func joinCycles(p *probe) {
	w := start(p)
	call := w.innocent()
	for range 10 {
		h, err := handler.New(background, w.rt)
		p.must(err)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for {
					if _, err := h.RunUDF(background, call); err != nil {
						p.checkIs(err, handler.ErrClosed, "a call")
						return
					}
				}
			})
		}
		p.checkIs(enter(), nil, "another's call")
		p.checkIs(h.Cleanup(background), nil, "Cleanup")
		wg.Wait()
	}
	w.works(call)
	w.close()
	p.check(pybridge.Owned() == 0, "%d references left: %v", pybridge.Owned(), pybridge.Leaks())
	p.did("10 cycles")
}
