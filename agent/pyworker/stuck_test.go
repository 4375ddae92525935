package pyworker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("stuck calls", func() int {
		if err := serveStuckCalls(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "%+v\n", err)
			return 1
		}
		return 0
	})
}

// served is a worker and a guest that calls it. They share an interpreter, and the guest needs it for nothing but making
// requests and reading replies.
type served struct {
	worker, guest *pyworker.Worker
	health        grpc_health_v1.HealthClient
}

func serve(ctx context.Context, rt *pybridge.Runtime) (s served, err error) {
	if s.worker, err = pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{Name: "w0", Guests: []string{"guest"}}}); err != nil {
		return s, err
	}
	w0 := agent.Worker{Name: "w0", Address: s.worker.Agent().Addr().String()}
	if s.guest, err = pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{Name: "guest", Rank: 1, Peers: []agent.Worker{w0}}}); err != nil {
		return s, err
	}
	conn, err := grpc.NewClient(w0.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	s.health = grpc_health_v1.NewHealthClient(conn)
	for _, w := range []*pyworker.Worker{s.worker, s.guest} {
		go func() { _ = w.Serve() }()
		err = errors.Join(err, w.WaitReady(ctx))
	}
	return s, err
}

// request is a call of a function of a module in testdata, in the form that travels.
func (s served) request(ctx context.Context, rt *pybridge.Runtime, module, function string, args ...any) (p handler.Payload, err error) {
	err = gil.With(ctx, func(tok gil.Token) error {
		m, err := rt.Import(tok, module)
		if err != nil {
			return err
		}
		defer m.Release()
		f, err := m.Attr(tok, function)
		if err != nil {
			return err
		}
		defer f.Release()
		internal, err := rt.Import(tok, "gopyrpc.internal")
		if err != nil {
			return err
		}
		defer internal.Release()
		udf, err := internal.CallMethod(tok, "PythonUDF", f, pybridge.Tuple(args), map[string]any{})
		if err != nil {
			return err
		}
		defer udf.Release()
		return gil.Detach(tok, func() { p, err = s.guest.Handler().Serialize(ctx, udf) })
	})
	return p, err
}

// status is the health of the worker.
func (s served) status(ctx context.Context) string {
	reply, err := s.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err.Error()
	}
	return reply.GetStatus().String()
}

func (s served) awaitStatus(ctx context.Context, want string) {
	for s.status(ctx) != want {
		runtime.Gosched()
	}
	fmt.Println(want)
}

// serveStuckCalls has a worker with two permits, of which one more may be abandoned, serve three calls that are stuck.
func serveStuckCalls(ctx context.Context) error {
	// With that switch interval nobody gets the GIL, to interrupt a call, before it waits in C code.
	rt, err := pythontest.Start(pybridge.WithPath(testdata()), pybridge.WithPermits(2), pybridge.WithMaxAbandoned(1),
		pybridge.WithSwitchInterval(time.Minute))
	if err != nil {
		return err
	}
	s, err := serve(ctx, rt)
	if err != nil {
		return err
	}
	door, open, _ := os.Pipe()
	heard, bell, _ := os.Pipe()
	defer func() { _, _ = door.Close(), bell.Close() }() // and so they are not collected before
	waits, err := s.request(ctx, rt, "stuck", "waits", door.Fd(), bell.Fd())
	if err != nil {
		return err
	}
	answers, err := s.request(ctx, rt, "stuck", "answers")
	if err != nil {
		return err
	}
	stick := func() {
		ctx, cancel := context.WithCancel(ctx)
		over := make(chan error)
		go func() {
			_, err := s.guest.RunUDF(ctx, "w0", waits)
			over <- err
		}()
		_, _ = heard.Read(make([]byte, 1))
		cancel()
		fmt.Println("stuck call:", status.Code(<-over))
	}
	answer := func() {
		_, err := s.guest.RunUDF(ctx, "w0", answers)
		fmt.Println("call:", err)
	}
	s.awaitStatus(ctx, "SERVING")
	stick()
	for gil.Stats().Abandoned == 0 {
		runtime.Gosched()
	}
	stick()
	answer()
	fmt.Println(s.status(ctx))
	stick()
	s.awaitStatus(ctx, "NOT_SERVING")
	_ = open.Close()
	s.awaitStatus(ctx, "SERVING")
	answer()
	return rt.Close(ctx)
}

// TestStuckCallsAtAWorker: they do not keep others out, and where there are too many of them the health service says so.
func TestStuckCallsAtAWorker(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "stuck calls")
	require.Zero(t, code, stderr)
	assert.Equal(t, `SERVING
stuck call: Canceled
stuck call: Canceled
call: <nil>
SERVING
stuck call: Canceled
NOT_SERVING
SERVING
call: <nil>
`, stdout)
}
