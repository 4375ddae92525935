package handler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// liveTime bounds everything that a process with torch's agent does; less than a script may take, so
// that what hangs says where.
const liveTime = 100 * time.Second

// What is done to a group after its calls.
const (
	graceful   = "graceful"   // torch.distributed.rpc.shutdown, after the peer's calls
	ungraceful = "ungraceful" // the same at once
	atExit     = "atexit"     // the same by one of Python's atexit hooks
	alone      = "alone"      // torch's agent stays, and one of its threads stays in a function
	clean      = "cleanup"    // Handler.Cleanup, both
	closing    = "close"      // Runtime.Close
)

// liveOrders has every order of our cleanup, torch's shutdown and the close. Each is a process, which
// the close ends; what may come before it is one process, in rounds with new handlers and agents.
var liveOrders = [][]string{
	{"cleanup graceful", "graceful cleanup", "cleanup ungraceful", "ungraceful cleanup close"},
	{"graceful close cleanup"},
	{"ungraceful close cleanup"},
	{"atexit close cleanup"},
	{"alone cleanup close"},
	{"alone close cleanup"},
}

// liveCase is one process. The peer of a group of two costs an import of torch more, so of the two
// policies the group has the one that does more; both where torch's agent stays.
type liveCase struct {
	world  int
	policy pybridge.FinalizePolicy
	rounds []string
}

func liveCases() (all []liveCase) {
	for _, rounds := range liveOrders {
		all = append(all,
			liveCase{1, pybridge.FinalizeNever, rounds},
			liveCase{1, pybridge.FinalizeGraceful, rounds},
			liveCase{2, pybridge.FinalizeGraceful, rounds})
		if c := (liveCase{2, pybridge.FinalizeNever, rounds}); c.stays() {
			all = append(all, c)
		}
	}
	return all
}

func (c liveCase) String() string {
	return fmt.Sprintf("live torch: %d, finalise %v: %s", c.world, c.policy, strings.Join(c.rounds, ", "))
}

// stays says whether torch's agent outlives the bridge.
func (c liveCase) stays() bool { return strings.Contains(c.rounds[len(c.rounds)-1], alone) }

// finalized is what becomes of the interpreter: it stays for an agent that stays.
func (c liveCase) finalized() string {
	if c.policy == pybridge.FinalizeGraceful && !c.stays() {
		return "released"
	}
	return "skipped"
}

func init() {
	for _, c := range liveCases() {
		pythontest.Register(c.String(), liveScript(c.run))
	}
}

// TestLiveTorchOrders: whatever the order in which our handlers, torch's agent and the bridge go, the
// process ends by itself, with nothing left.
func TestLiveTorchOrders(t *testing.T) {
	pythontest.NeedTensorPipe(t)
	for _, c := range liveCases() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := runLive(t, c.String())
			assert.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%s", stdout, stderr)
			assert.NotRegexp(t, crashed, stderr)
			assert.Equal(t, "interpreter "+c.finalized()+", left 0\n", stdout, stderr)
		})
	}
}

// crashed is what a process says that ends by a signal, or ought to have.
const crashed = `(?i)fatal|abort|terminate called|segmentation|core dumped|panic|DATA RACE`

// runLive runs a script on loopback only.
func runLive(t *testing.T, name string) (stdout, stderr string, code int) {
	t.Helper()
	return pythontest.Script(t, name, "TP_SOCKET_IFNAME=lo", "GLOO_SOCKET_IFNAME=lo", "LIVE_TORCH_DIR="+t.TempDir())
}

// liveScript is script without a Python, and with an end.
func liveScript(f func(ctx context.Context) error) func() int {
	return func() int {
		ctx, cancel := context.WithTimeout(context.Background(), liveTime)
		defer cancel()
		if err := f(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "%+v\n", err)
			return 1
		}
		return 0
	}
}

func (c liveCase) run(ctx context.Context) error {
	g, err := startGroup(ctx, c.world, pybridge.WithFinalize(c.policy))
	if err != nil {
		return err
	}
	for _, round := range c.rounds {
		if err := g.join(ctx); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if err := g.exchange(ctx); err != nil {
			return fmt.Errorf("exchange: %w", err)
		}
		for _, step := range strings.Fields(round) {
			if err := g.step(ctx, step); err != nil {
				return fmt.Errorf("%s of %s: %w", step, round, err)
			}
		}
	}
	return g.over(ctx, c.stays())
}

func startGroup(ctx context.Context, world int, opts ...pybridge.Option) (*group, error) {
	rt, err := pybridge.Start(ctx, append(opts, pybridge.WithPath(testdata()))...)
	if err != nil {
		return nil, err
	}
	g := &group{rt: rt, dir: os.Getenv("LIVE_TORCH_DIR")}
	if world == 2 {
		g.peer, err = startPeer(ctx, rt)
	}
	return g, err
}

func (g *group) step(ctx context.Context, step string) error {
	switch step {
	case graceful, ungraceful:
		return g.leave(ctx, step)
	case atExit:
		return do(ctx, g.rt, "leave_at_exit")
	case alone:
		return do(ctx, g.rt, "hold_thread")
	case clean:
		return g.cleanup(ctx)
	case closing:
		return g.close(ctx)
	}
	return errors.New("no such step")
}

// close says what became of the interpreter and of the references.
func (g *group) close(ctx context.Context) error {
	report, err := g.rt.Join(ctx)
	last := report.Steps[len(report.Steps)-1]
	fmt.Printf("%s %s, left %d\n", last.Name, last.Outcome, pybridge.Owned()+len(report.Leaked))
	fmt.Fprintln(os.Stderr, report)
	return err
}

// over has whoever still can use the process after its close do so.
func (g *group) over(ctx context.Context, live bool) error {
	err := do(ctx, g.rt, "leave", false)
	if !errors.Is(err, gil.ErrClosed) {
		return fmt.Errorf("a call after the close: %w", err)
	}
	for _, h := range g.handlers {
		if _, err := h.RunUDF(ctx, handler.Payload{Data: []byte("N.")}); !errors.Is(err, handler.ErrClosed) {
			return fmt.Errorf("a request after the close: %w", err)
		}
	}
	if g.peer == nil {
		return nil
	}
	if live { // torch's threads need no permit of ours
		if err := errors.Join(g.peer.tell("call"), g.peer.done()); err != nil {
			return fmt.Errorf("the peer's call after the close: %w", err)
		}
	}
	return g.peer.end()
}
