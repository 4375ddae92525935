package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/procmem"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// How much a soak may grow once it is warm. Its memory is measured when the soak has rested, see checkRest.
const (
	soakCallers = 32
	mostThreads = 16
)

// soak makes random calls from many goroutines, with handlers coming and going, and says what grew.
func soak(p *probe, long time.Duration, out io.Writer) {
	s := newSoaker(p)
	start := takeFigures()
	s.warmUp()
	s.work(long / 5)
	before := takeFigures()
	s.work(long)
	after := takeFigures()
	s.print(out, long, before, after)
	checkRest(p, out, start, after, long)
	p.check(after.threads-before.threads <= mostThreads, "OS threads grew by %d", after.threads-before.threads)
	p.check(after.states <= after.threads, "%d thread states, %d threads", after.states, after.threads)
	p.check(after.references == before.references, "references: %d before, %d after: %v", before.references, after.references, pybridge.Leaks())
	p.check(after.goroutines-before.goroutines <= 4, "goroutines: %d before, %d after", before.goroutines, after.goroutines)
	p.checkIs(s.pair.leave(), nil, "the workers' join")
	s.close()
	p.check(pybridge.Owned() == 0, "%d references after Close", pybridge.Owned())
}

type figures struct{ memory, threads, states, references, goroutines, callbacks int }

// takeFigures takes the figures when everything is at rest.
func takeFigures() figures {
	for range 3 {
		runtime.GC()
	}
	for gil.Stats().Pending > 0 {
		_ = enter()
	}
	var f figures
	size, _ := procmem.Read()
	s := gil.Stats()
	f.memory, f.threads, f.states, f.callbacks = size.Resident, s.OSThreads, s.ThreadStates, s.Callbacks
	f.references, f.goroutines = pybridge.Owned(), runtime.NumGoroutine()
	return f
}

// soaker makes the calls of a soak.
type soaker struct {
	*world
	pair  pair
	kinds []kind
	calls atomic.Int64
	mu    sync.Mutex
	// guarded by mu
	outcomes map[string]int
}

// kind is a call and how it must end.
type kind struct {
	name string
	do   func(r *rand.Rand) error
	ends []error // nil for a result
	rare bool    // keeps Python busy
}

// pick chooses what to do next.
func (s *soaker) pick(r *rand.Rand) kind {
	for {
		if k := s.kinds[r.IntN(len(s.kinds))]; !k.rare || r.IntN(20) == 0 {
			return k
		}
	}
}

func newSoaker(p *probe) *soaker {
	s := &soaker{world: start(p), outcomes: map[string]int{}}
	add, raises, sleep := s.payload("add", 40, 2), s.payload("raises", "KeyError", "k"), s.payload("sleep", 0.002)
	spin, large, odd := s.payload("spin"), s.payload("add", bytes.Repeat([]byte("x"), 1<<20), []byte("y")), s.payload("unpicklable")
	s.pair = newPair(s.world)
	s.kinds = []kind{
		{"large bodies", s.pair.bodies(s.world), nil, true},
		{"ok", func(*rand.Rand) error { return s.expect(add, "42") }, nil, false},
		{"raising", func(*rand.Rand) error { _, err := s.run(background, raises); return err }, []error{pybridge.KeyError}, false},
		{"waiting", func(*rand.Rand) error { return s.expect(sleep, "slept") }, nil, false},
		{"large", func(*rand.Rand) error { _, err := s.h.RunUDF(background, large); return err }, nil, false},
		{"no result", func(*rand.Rand) error { _, err := s.run(background, odd); return err }, []error{handler.SerializeError}, false},
		{"garbage", func(r *rand.Rand) error {
			_, err := s.h.RunUDF(background, handler.Payload{Data: []byte("\x80\x04" + strings.Repeat("\xff", 1+r.IntN(50)))})
			return err
		}, []error{handler.DeserializeError}, false},
		{"cancelled", func(r *rand.Rand) error {
			ctx, cancel := context.WithTimeout(background, time.Duration(r.IntN(3000))*time.Microsecond)
			defer cancel()
			_, err := s.h.RunUDF(ctx, sleep)
			return err
		}, []error{context.DeadlineExceeded, nil}, false},
		{"interrupted", func(*rand.Rand) error {
			ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
			defer cancel()
			_, err := s.h.RunUDF(ctx, spin)
			return err
		}, []error{context.DeadlineExceeded}, true},
		{"callback", func(*rand.Rand) error {
			seen := s.callback(func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return s.run(ctx, add) })
			if seen != "42" {
				return errors.New("the callback's caller saw " + seen)
			}
			return nil
		}, nil, false},
		{"new handler", func(*rand.Rand) error {
			h, err := handler.New(background, s.rt)
			if err != nil {
				return err
			}
			_, err = h.RunUDF(background, add)
			return errors.Join(err, h.Cleanup(background))
		}, nil, false},
	}
	return s
}

// expect makes a call that must have the result.
func (s *soaker) expect(p handler.Payload, want string) error {
	v, err := s.run(background, p)
	if err == nil && fmt.Sprint(v) != want {
		err = fmt.Errorf("%v instead of %s", v, want)
	}
	return err
}

// warmUp has every caller make every kind of call, so that caches are full and threads have been started, however slow the machine
// is.
func (s *soaker) warmUp() {
	var wg sync.WaitGroup
	for n := range soakCallers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			for i := range s.kinds {
				s.one(s.kinds[(n+i)%len(s.kinds)], r)
			}
		})
	}
	wg.Wait()
}

// work makes calls for the given time.
func (s *soaker) work(long time.Duration) {
	deadline := time.Now().Add(long)
	var wg sync.WaitGroup
	for range soakCallers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			for time.Now().Before(deadline) {
				s.one(s.pick(r), r)
			}
		})
	}
	wg.Wait()
}

func (s *soaker) one(k kind, r *rand.Rand) {
	err := k.do(r)
	s.calls.Add(1)
	right := err == nil && (len(k.ends) == 0 || slices.Contains(k.ends, nil))
	for _, want := range k.ends {
		right = right || (want != nil && errors.Is(err, want))
	}
	s.check(right, "%s: %v", k.name, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	how := "a result"
	if err != nil {
		how = "an error"
	}
	if !right {
		how = "WRONG"
	}
	s.outcomes[k.name+": "+how]++
}

func (s *soaker) print(out io.Writer, long time.Duration, before, after figures) {
	fmt.Fprintf(out, "soak: %d calls, %v\n", s.calls.Load(), long)
	var names []string
	for name := range s.outcomes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(out, "%10d  %s\n", s.outcomes[name], name)
	}
	for _, f := range []struct {
		name          string
		before, after int
	}{
		{"KiB resident", before.memory >> 10, after.memory >> 10},
		{"OS threads", before.threads, after.threads},
		{"thread states", before.states, after.states},
		{"references", before.references, after.references},
		{"callbacks", before.callbacks, after.callbacks},
		{"goroutines", before.goroutines, after.goroutines},
	} {
		fmt.Fprintf(out, "%10d → %-10d %s\n", f.before, f.after, f.name)
	}
}
