package pyworker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// DefaultTimeout is for calls that Python makes without saying how long they may take; it is torch's.
const DefaultTimeout = time.Minute

// DefaultMaxWaiting is far below the number of OS threads at which Go ends a process (10,000).
const DefaultMaxWaiting = 4096

// Config is what a Worker is made of.
type Config struct {
	// The agent's. Executor must be nil, as the Worker is it. Cleanup is the runtime's registry by default,
	// so that a join of the agent is one of Python too.
	agent.Config

	// Timeout is for calls that Python makes without one; [DefaultTimeout] by default, negative for none.
	Timeout time.Duration
	// MaxWaiting is how many Python calls may wait for other workers at once. Each holds an OS thread, since
	// its Python frames are on that thread's stack. [DefaultMaxWaiting] by default.
	MaxWaiting int
	// Budget is what each peer may have of this worker's Python, and Budgets what peers may by their names, where zero
	// means Budget's. A call that comes to a limit of time is interrupted, as at the end of its context: what
	// waits or computes in C is counted, but goes on. What is beyond a limit is refused with
	// codes.ResourceExhausted and a text that names it. No limits by default.
	Budget  budget.Limits
	Budgets map[string]budget.Limits
	// Left gets the report of a worker that Python started and ended, or left to the end of the process. It may
	// be nil. See [Provide].
	Left func(name string, report cleanup.Report)
}

// Worker is an agent whose functions are Python's. Its methods may be called from any goroutine, and
// none of them with the GIL held.
type Worker struct {
	rt         *pybridge.Runtime
	handler    *handler.Handler
	agent      *agent.Agent
	policy     *agent.Policy
	timeout    time.Duration
	maxWaiting int64
	waiting    atomic.Int64

	ctx         context.Context // of what Python waits for; ends with the Worker
	cancel      context.CancelCauseFunc
	telling     chan struct{} // full while Python is being told that the agent is there, or that it has gone
	installed   chan struct{} // closed when Python knows of the agent
	python      python
	callers     callers
	accounts    *accounts
	refusals    refusalLog
	named       []string // peers that the policy and the budgets name
	handles     handles
	events      events
	completions completions
	torch       sync.Once // imports it
	closing     sync.Once
	unwatch     func()               // ends what keeps the agent's health
	left        func(cleanup.Report) // called once
}

// New makes an agent for the functions of a Python interpreter, and opens its listener; nobody is
// let in before [Worker.Serve].
//
// Errors: those of [agent.New] and of [handler.New].
func New(ctx context.Context, rt *pybridge.Runtime, config Config) (*Worker, error) {
	if config.Executor != nil {
		return nil, errors.New("pyworker: Config.Executor is set: a Worker executes its calls itself, in Python")
	}
	if err := checkPolicy(config.Policy); err != nil {
		return nil, err
	}
	w := &Worker{rt: rt, policy: config.Policy, timeout: config.Timeout, maxWaiting: int64(config.MaxWaiting), unwatch: func() {}}
	w.telling, w.installed = make(chan struct{}, 1), make(chan struct{})
	if w.timeout == 0 {
		w.timeout = DefaultTimeout
	}
	if w.maxWaiting <= 0 {
		w.maxWaiting = DefaultMaxWaiting
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	w.callers.known, w.callers.policies = map[callerKey]*caller{}, map[string]*policy.Policy{}
	w.handles.known = map[handle]*agent.RRef{}
	w.events.known = map[int64]chan struct{}{}
	w.completions = completions{worker: w, calls: map[int64]*agent.Future{}, waiters: map[int64][]*waiter{}}
	var err error
	if w.accounts, err = newAccounts(config); err != nil {
		return nil, err
	}
	if w.handler, err = handler.New(ctx, rt); err != nil {
		return nil, err
	}
	if config.Cleanup == nil {
		config.Cleanup = rt.Registry()
	}
	if err := w.start(ctx, config); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *Worker) start(ctx context.Context, config Config) error {
	if err := w.python.load(ctx, w.rt); err != nil {
		return err
	}
	// Steps of a phase run in the reverse order: after the agent's, and before Python takes no more calls.
	if err := config.Cleanup.Register(cleanup.PhaseAgent, "python's side of agent "+config.Name, w.leave); err != nil {
		return fmt.Errorf("pyworker: %w", err)
	}
	w.refusals = refusalLog{log: config.Logger, peers: map[string]*refusalCount{}}
	if config.Logger == nil {
		w.refusals.log = slog.Default()
	}
	w.named = namedPeers(config)
	config.Executor = w
	config.ZeroCopy = true // see borrowed
	var err error
	if w.agent, err = agent.New(config.Config); err != nil {
		return err
	}
	w.unwatch = gil.OnStall(func(s *gil.Stall) { w.agent.SetHealthy(s == nil) })
	return nil
}

// Agent is the worker's agent, for all that is not about Python: Call, Join, Shutdown, Stats.
func (w *Worker) Agent() *agent.Agent { return w.agent }

// Handler is the handler that reads and writes what travels: see [Worker.RunUDF].
func (w *Worker) Handler() *handler.Handler { return w.handler }

// Serve lets peers in, finds the group, and returns when the agent is closed or when one of both has
// failed. Call it once.
func (w *Worker) Serve() error {
	go func() {
		if err := w.agent.WaitReady(w.ctx); err != nil {
			return // Serve returns why
		}
		w.warnOfUnknown()
		if err := w.install(); err != nil {
			w.cancel(fmt.Errorf("pyworker: the agent could not be made known to Python: %w", err))
		}
	}()
	return w.agent.Serve()
}

// WaitReady waits until the group is known, and Python knows of it. It needs Serve, on another goroutine.
func (w *Worker) WaitReady(ctx context.Context) error {
	if err := w.agent.WaitReady(ctx); err != nil {
		return err
	}
	select {
	case <-w.installed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// RunUDF has a worker run a pickled PythonUDF, and returns its pickled result: what
// [handler.Handler.RunUDF] does here, elsewhere. The handler's Serialize and Deserialize make and read
// the payloads; RRefs in them are for Python's gopyrpc to send. The result is what the worker sent: of one whose replies are
// held to a list (agent.Policy) read it with a handler of that list (handler.WithAllow).
//
// Errors: those of [agent.Agent.Call], and of [handler.Handler.Flatten] and Unflatten.
func (w *Worker) RunUDF(ctx context.Context, to string, p handler.Payload) (handler.Payload, error) {
	m, err := w.message(ctx, p)
	if err != nil {
		return handler.Payload{}, err
	}
	defer m.release()
	req := m.request()
	req.ZeroCopy = false // of a payload the user need not give anything back
	reply, err := w.agent.Call(ctx, to, req)
	if err != nil {
		return handler.Payload{}, err
	}
	result, err := w.payload(ctx, reply.Body)
	if len(result.Tensors) > 0 { // and so it has copies of everything
		reply.Free()
	}
	return result, err
}

// leave is the step of the cleanup registry: after it Python has no agent.
func (w *Worker) leave(ctx context.Context) error {
	err := w.uninstall(ctx)
	w.close()
	return err
}

func (w *Worker) close() {
	w.closing.Do(func() {
		w.cancel(agent.ErrClosed)
		w.unwatch()
		w.callers.release()
		w.python.release()
	})
}

// inside is gil.With for what is the worker's own and ends soon.
func (w *Worker) inside(ctx context.Context, f func(gil.Token) error) error {
	return gil.With(gil.WaitForCompletion(gil.WithLabel(ctx, "agent "+w.agent.Name())), f)
}
