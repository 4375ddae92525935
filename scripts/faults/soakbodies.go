package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/handler"
)

// mostKept is how much more memory a process may have than at its start, when all has rested for a while.
const mostKept = 64 << 20

// restTime is how long a soak rests before its memory is measured. A short soak, as in a CI run, rests less.
func restTime(long time.Duration) time.Duration {
	if long < time.Minute {
		return 20 * time.Second
	}
	return time.Minute
}

// pair is two workers in this process, of which the first calls the second with large bodies.
type pair [2]*pyworker.Worker

func newPair(w *world) pair {
	var p pair
	for i := range p {
		config := agent.Config{Name: fmt.Sprintf("w%d", i), Rank: i, Logger: slog.New(slog.DiscardHandler), Cleanup: cleanup.New(),
			Rendezvous: &agent.Rendezvous{WorldSize: len(p), Host: i == 0}}
		if i > 0 {
			config.Rendezvous.Address = p[0].Agent().Addr().String()
		}
		worker, err := pyworker.New(background, w.rt, pyworker.Config{Config: config})
		w.must(err)
		go func() { _ = worker.Serve() }()
		p[i] = worker
	}
	return p
}

// bodies makes calls with 8 bytes to 24 MiB each way, as many for each power of two.
func (p pair) bodies(w *world) func(*rand.Rand) error {
	var calls []handler.Payload
	for size := 8; size <= 24<<20; size *= 2 {
		calls = append(calls, w.payload("add", []byte(strings.Repeat("x", size)), []byte("y")))
	}
	return func(r *rand.Rand) error {
		reply, err := p[0].RunUDF(background, "w1", calls[r.IntN(len(calls))])
		reply.Release()
		return err
	}
}

// leave has both workers join.
func (p pair) leave() error {
	errs := make(chan error, len(p))
	for _, worker := range p {
		go func() {
			_, err := worker.Agent().Join(context.Background())
			errs <- err
		}()
	}
	return errors.Join(<-errs, <-errs)
}

// checkRest waits, and checks that memory has come back.
func checkRest(p *probe, out io.Writer, start, busy figures, long time.Duration) {
	peak := peakMemory()
	time.Sleep(restTime(long)) // the fault is about this time
	rested := takeFigures()
	const mib = 1 << 20
	fmt.Fprintf(out, "%10d MiB resident at the start, %d at most, %d after the last call, %d after %v of rest\n",
		start.memory/mib, peak/mib, busy.memory/mib, rested.memory/mib, restTime(long))
	p.check(rested.memory-start.memory <= mostKept, "memory: %d MiB at the start, %d after %v of rest", start.memory/mib, rested.memory/mib, restTime(long))
}

// peakMemory is the most that the process ever had, in bytes.
func peakMemory() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib int
			_, _ = fmt.Sscan(rest, &kib)
			return kib << 10
		}
	}
	return 0
}
