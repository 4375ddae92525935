package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// stuckFaults are calls in C code that their callers have left. Nothing ends these calls, so the processes end with a status of
// their own.
func stuckFaults() []fault {
	const stuckStatus = 7
	log := &stallWriter{logged: make(chan struct{})}
	few := []pybridge.Option{pybridge.WithPermits(4), pybridge.WithMaxAbandoned(4),
		pybridge.WithLogger(slog.New(slog.NewTextHandler(log, nil)))}
	return []fault{
		{name: "stuck-all", injected: "8 calls sleep 1000 s, deadline 200 ms each, with 4 permits, and 4 calls that may be abandoned", must: "a log line with their label and Python stack; a deadline's error for others",
			status: stuckStatus, stderr: []string{"level=ERROR", "python serves no calls: all 4 permits", "8 × sleeper", "in sleep"}, do: func(p *probe) {
				w := start(p, few...)
				call := w.innocent()
				w.stick(8)
				<-log.logged
				ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
				defer cancel()
				_, err := w.h.RunUDF(ctx, call)
				p.checkIs(err, context.DeadlineExceeded, "an innocent call")
				p.did("%v", err)
				p.status = stuckStatus
			}},
		{name: "stuck-gil", injected: "a call holds the GIL in C for ever, deadline 200 ms", must: "a log line after 5 s",
			status: stuckStatus, stderr: []string{"level=ERROR", "the GIL was not given up for 5s"}, do: func(p *probe) {
				w := start(p, few...)
				p.did("%v", w.deadline("in_c", 60))
				<-log.logged
				p.status = stuckStatus
			}},
		{name: "stuck-close", injected: "Close with a second's deadline while 3 calls are abandoned", must: "an error that names them",
			status: stuckStatus, do: func(p *probe) {
				w := start(p)
				w.stick(3)
				w.until("they are abandoned", func() bool { return gil.Stats().Abandoned == 3 })
				ctx, cancel := context.WithTimeout(background, time.Second)
				defer cancel()
				err := w.rt.Close(ctx)
				p.check(err != nil && strings.Contains(err.Error(), `python calls still running: 3 ["sleeper" "sleeper" "sleeper"]`), "Close: %v", err)
				p.did("%v", err)
				p.status = stuckStatus
			}},
		{name: "stuck-with", injected: "gil.With and gil.Call call time.sleep(1000), deadline 200 ms each, 64 times; then an innocent call",
			must: "Call is back, With is not; the innocent call has its result", status: stuckStatus, do: stuckWith},
		{name: "stuck-agent", injected: "a worker with 4 permits and 4 calls that may be abandoned serves calls that are stuck, until 4 are abandoned, and then until it notices",
			must: "first it serves others, and is SERVING; then it is NOT_SERVING", status: stuckStatus, do: func(p *probe) {
				w := start(p, few...)
				s := w.stuckWorker()
				s.stick(func() bool { return gil.Stats().Abandoned == 4 })
				_, err := s.guest.RunUDF(background, "w0", s.innocent)
				p.check(err == nil, "an innocent call: %v", err)
				p.check(s.health() == "SERVING", "health: %s", s.health())
				s.stick(func() bool { return s.health() == "NOT_SERVING" })
				p.did("%s", s.health())
				p.status = stuckStatus
			}},
	}
}

// stallWriter writes a log to stderr. It closes logged when the log says that no call is served any more.
type stallWriter struct {
	once   sync.Once
	logged chan struct{}
}

func (w *stallWriter) Write(line []byte) (int, error) {
	n, err := os.Stderr.Write(line)
	if bytes.Contains(line, []byte("python serves no calls")) {
		w.once.Do(func() { close(w.logged) })
	}
	return n, err
}

// stick makes n calls that sleep, and returns when the callers have left.
func (w *world) stick(n int) {
	call := w.payload("sleep", 1000)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			untilStuck(func(ctx context.Context) error {
				_, err := w.h.RunUDF(ctx, call)
				w.checkIs(err, context.DeadlineExceeded, "RunUDF")
				return err
			})
		})
	}
	wg.Wait()
}

// untilStuck makes calls with a deadline of 200 ms until a call has begun by then and is left behind.
func untilStuck(call func(context.Context) error) {
	for {
		ctx, cancel := context.WithTimeout(gil.WithLabel(background, "sleeper"), 200*time.Millisecond)
		err := call(ctx)
		cancel()
		var interrupted *gil.InterruptedError
		if errors.As(err, &interrupted) && interrupted.Stuck {
			return
		}
	}
}

func stuckWith(p *probe) {
	const each = 32
	w := start(p)
	call := w.innocent()
	var back atomic.Int64
	var wg sync.WaitGroup
	for range each {
		go untilStuck(func(ctx context.Context) error {
			err := gil.With(ctx, func(t gil.Token) error {
				_, err := w.sleep(t)
				back.Add(1)
				return err
			})
			w.check(back.Load() == 0, "With: %v", err)
			return err
		})
		wg.Go(func() {
			untilStuck(func(ctx context.Context) error {
				_, err := gil.Call(ctx, w.sleep)
				w.checkIs(err, context.DeadlineExceeded, "Call")
				return err
			})
		})
	}
	wg.Wait()
	w.works(call)
	p.check(back.Load() == 0, "With is back")
	p.did("%d sleep on", gil.Stats().Abandoned)
	p.status = 7
}

// sleep is what gil.Call takes.
func (w *world) sleep(t gil.Token) (struct{}, error) {
	time, err := w.rt.Import(t, "time")
	if err != nil {
		return struct{}{}, err
	}
	defer time.Release()
	result, err := time.CallMethod(t, "sleep", 1000)
	result.Release()
	return struct{}{}, err
}

// stuckWorker is a worker, and a guest that calls it.
type stuckWorker struct {
	*world
	guest           *pyworker.Worker
	stuck, innocent handler.Payload
	conn            grpc_health_v1.HealthClient
}

func (w *world) stuckWorker() *stuckWorker {
	s := &stuckWorker{world: w, stuck: w.payload("sleep", 1000), innocent: w.payload("add", 40, 2)}
	quiet := slog.New(slog.DiscardHandler)
	worker, err := pyworker.New(background, w.rt, pyworker.Config{Config: agent.Config{Name: "w0", Guests: []string{"guest"}, Logger: quiet}})
	w.must(err)
	w0 := agent.Worker{Name: "w0", Address: worker.Agent().Addr().String()}
	s.guest, err = pyworker.New(background, w.rt, pyworker.Config{Config: agent.Config{Name: "guest", Rank: 1, Peers: []agent.Worker{w0}, Logger: quiet}})
	w.must(err)
	for _, served := range []*pyworker.Worker{worker, s.guest} {
		go func() { _ = served.Serve() }()
		w.must(served.WaitReady(background))
	}
	conn, err := grpc.NewClient(w0.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	w.must(err)
	s.conn = grpc_health_v1.NewHealthClient(conn)
	return s
}

// stick makes calls, one after the other, until enough of them are stuck.
func (s *stuckWorker) stick(enough func() bool) {
	for !enough() {
		ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
		_, err := s.guest.RunUDF(ctx, "w0", s.stuck)
		s.check(status.Code(err) == codes.DeadlineExceeded, "a stuck call: %v", err)
		cancel()
	}
}

func (s *stuckWorker) health() string {
	reply, err := s.conn.Check(background, &grpc_health_v1.HealthCheckRequest{})
	return fmt.Sprint(reply.GetStatus(), errorText(err))
}

// errorText is the text of an error, empty for no error.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
