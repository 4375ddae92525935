package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
)

// How much work a group of agents does before it joins, and how long a join may take.
const (
	agentCallers = 4 // of each agent
	agentCalls   = 60
	joinLimit    = time.Minute
)

// soakAgents makes random calls among groups of agents in this process, with cancelled calls, values that are
// shared and passed on, and a worker that is restarted meanwhile. Each group joins and must leave nothing.
func soakAgents(p *probe, long time.Duration, out io.Writer) {
	s := &agentSoak{probe: p, outcomes: map[string]int{}}
	s.round() // makes what a process makes once
	goroutines := atRest()
	rounds := 1
	for deadline := time.Now().Add(long); time.Now().Before(deadline); rounds++ {
		s.round()
	}
	left := atRest()
	fmt.Fprintf(out, "soak of agents: %d groups, %d calls, %v\n", rounds, s.calls, long)
	for _, name := range sortedKeys(s.outcomes) {
		fmt.Fprintf(out, "%10d  %s\n", s.outcomes[name], name)
	}
	fmt.Fprintf(out, "%10d → %-10d goroutines\n%10d values left\n", goroutines, left, s.live.Load())
	p.check(left <= goroutines, "goroutines: %d before, %d after", goroutines, left)
	p.check(s.live.Load() == 0, "%d values were never released", s.live.Load())
}

// atRest counts the goroutines when all that are about to end have ended.
func atRest() int {
	n := runtime.NumGoroutine()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		now := runtime.NumGoroutine()
		if now >= n {
			return now
		}
		n = now
	}
	return n
}

func sortedKeys(m map[string]int) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type agentSoak struct {
	*probe
	live  atomic.Int64 // values that were not released
	mu    sync.Mutex
	calls int // guarded by mu
	// guarded by mu
	outcomes map[string]int
}

// worker is an agent, and what it does when it is called.
type worker struct {
	soak *agentSoak
	*agent.Agent
	served chan error // the result of Serve
}

// Execute echoes, and takes the value that is passed on with a request.
func (w *worker) Execute(ctx context.Context, req agent.Request) (agent.Reply, error) {
	switch string(req.Body.Segments()[0]) {
	case "wait":
		<-ctx.Done()
		return agent.Reply{}, ctx.Err()
	case "fail":
		return agent.Reply{}, errors.New("as asked")
	case "fork":
		r, err := w.Adopt(req.Body.Segments()[1])
		if err != nil {
			return agent.Reply{}, err
		}
		defer r.Release()
		body, err := r.ToHere(ctx)
		return agent.Reply{Body: body}, err
	}
	return agent.Reply{Body: req.Body}, nil
}

// ExecuteRemote keeps the value that the request asks for.
func (w *worker) ExecuteRemote(_ context.Context, req agent.Request) (agent.Value, error) {
	w.soak.live.Add(1)
	return &kept{body: req.Body, live: &w.soak.live}, nil
}

type kept struct {
	body agent.Body
	live *atomic.Int64
}

func (k *kept) Fetch(context.Context) (agent.Body, error) { return k.body, nil }
func (k *kept) Release()                                  { k.live.Add(-1) }

// start makes a worker, which the other workers find at the listener.
func (s *agentSoak) start(all []agent.Worker, rank int, l net.Listener) *worker {
	w := &worker{soak: s, served: make(chan error, 1)}
	var peers []agent.Worker
	for i, other := range all {
		if i != rank {
			peers = append(peers, other)
		}
	}
	// The executor is called after Serve, when w.Agent is set.
	a, err := agent.New(agent.Config{Name: all[rank].Name, Rank: rank, Peers: peers, Executor: w, Listener: l, Logger: slog.New(slog.DiscardHandler)})
	s.must(err)
	w.Agent = a
	go func() { w.served <- a.Serve() }()
	return w
}

// round is the life of a group of three: the first two share values, the third is restarted.
func (s *agentSoak) round() {
	all := make([]agent.Worker, 3)
	listeners := make([]net.Listener, 3)
	for i := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		s.must(err)
		listeners[i], all[i] = l, agent.Worker{Name: fmt.Sprintf("w%d", i), Rank: i, Address: l.Addr().String()}
	}
	workers := make([]*worker, 3)
	for i := range all {
		workers[i] = s.start(all, i, listeners[i])
	}
	ctx, cancel := context.WithTimeout(background, joinLimit)
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range workers[:2] {
		for range agentCallers {
			wg.Go(func() { s.work(ctx, w) })
		}
	}
	wg.Go(func() { workers[2] = s.restart(ctx, all, workers[2]) })
	wg.Wait()
	for _, w := range workers {
		wg.Go(func() { s.join(ctx, w) })
	}
	wg.Wait()
}

// restart ends the worker without a word to the others, and starts it anew at the same address.
func (s *agentSoak) restart(ctx context.Context, all []agent.Worker, old *worker) *worker {
	_, err := old.Shutdown(ctx)
	s.check(err == nil, "Shutdown: %v", err)
	s.check(<-old.served == nil, "Serve ended with an error")
	l, err := net.Listen("tcp", all[2].Address)
	s.must(err)
	return s.start(all, 2, l)
}

func (s *agentSoak) join(ctx context.Context, w *worker) {
	report, err := w.Join(ctx)
	s.check(err == nil, "%s: Join: %v\n%s", w.Name(), err, report)
	s.check(<-w.served == nil, "Serve ended with an error")
	st := w.Stats()
	s.check(st.InFlight == 0 && st.QueuedBytes == 0 && st.IncomingBytes == 0 && st.RRefsOwned == 0 && st.RRefsUsed == 0 && st.Connections == 0,
		"%s left after Join: %+v", w.Name(), st)
}

// work makes calls of every kind, in any order.
func (s *agentSoak) work(ctx context.Context, w *worker) {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	kinds := []struct {
		name string
		do   func() error
		ends []codes.Code // besides a result
	}{
		{"echo", func() error { return s.echo(ctx, w, fmt.Sprintf("w%d", r.IntN(2)), r.IntN(4000)) }, nil},
		{"large echo", func() error { return s.echo(ctx, w, fmt.Sprintf("w%d", r.IntN(2)), 1<<20) }, nil},
		{"restarting worker", func() error { return s.echo(ctx, w, "w2", r.IntN(4000)) }, []codes.Code{codes.Unavailable, codes.Aborted}},
		{"failing", func() error {
			_, err := w.Call(ctx, "w0", agent.Request{Body: agent.Bytes([]byte("fail"))})
			if err == nil {
				return errors.New("no error")
			}
			return err
		}, []codes.Code{codes.Unknown}},
		{"cancelled", func() error {
			short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(5000))*time.Microsecond)
			defer cancel()
			_, err := w.Call(short, fmt.Sprintf("w%d", r.IntN(2)), agent.Request{Body: agent.Bytes([]byte("wait"))})
			if err == nil {
				return errors.New("no error")
			}
			return err
		}, []codes.Code{codes.DeadlineExceeded, codes.Canceled}},
		{"shared value", func() error { return s.share(ctx, w, r) }, nil},
	}
	for range agentCalls {
		k := kinds[r.IntN(len(kinds))]
		s.note(k.name, k.do(), k.ends)
	}
}

// note counts an outcome, and checks that the call may have it.
func (s *agentSoak) note(name string, err error, ends []codes.Code) {
	how := ": a result"
	if err != nil {
		var failed *agent.Error
		right := errors.As(err, &failed) && slices.Contains(ends, failed.Code)
		s.check(right, "%s: %v", name, err)
		how = ": an error"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.outcomes[name+how]++
}

func (s *agentSoak) echo(ctx context.Context, w *worker, to string, size int) error {
	body := agent.Bytes([]byte("echo"), bytes.Repeat([]byte{'x'}, size))
	reply, err := w.Call(ctx, to, agent.Request{Body: body})
	if err == nil && !slices.EqualFunc(reply.Body.Segments(), body.Segments(), bytes.Equal) {
		return fmt.Errorf("%d bytes came back as %d", body.Size(), reply.Body.Size())
	}
	return err
}

// share keeps a value at a worker, reads it, and passes it on to another.
func (s *agentSoak) share(ctx context.Context, w *worker, r *rand.Rand) error {
	value := fmt.Append(nil, r.Uint64())
	ref, err := w.Remote(ctx, fmt.Sprintf("w%d", r.IntN(2)), agent.Request{Body: agent.Bytes(value)}, nil)
	if err != nil {
		return err
	}
	defer ref.Release()
	here, err := ref.ToHere(ctx)
	if err != nil || !bytes.Equal(here[0], value) {
		return fmt.Errorf("ToHere: %q, %w", here, err)
	}
	to := fmt.Sprintf("w%d", r.IntN(2))
	fork, err := ref.Fork(ctx, to)
	if err != nil {
		return err
	}
	reply, err := w.Call(ctx, to, agent.Request{Body: agent.Bytes([]byte("fork"), fork)})
	if err != nil || !bytes.Equal(reply.Body.Bytes(), value) {
		return fmt.Errorf("the value passed on: %q, %w", reply.Body, err)
	}
	return nil
}
