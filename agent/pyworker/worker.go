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

// DefaultTimeout is the timeout of calls that Python makes without one. It is torch's.
const DefaultTimeout = time.Minute

// DefaultMaxWaiting is the default of Config.MaxWaiting. It is far below the 10,000 OS threads at which Go ends a process.
const DefaultMaxWaiting = 4096

// Config is what a Worker is made of.
type Config struct {
	// Config is the agent's. Executor must be nil, since the Worker is the Executor. Cleanup is the runtime's registry
	// by default, so that a join of the agent also ends Python.
	agent.Config

	// Timeout is the timeout of calls that Python makes without one; [DefaultTimeout] by default, negative for none.
	Timeout time.Duration
	// MaxWaiting is how many Python calls may wait for other workers at once. Each holds an OS thread, since
	// its Python frames are on that thread's stack. [DefaultMaxWaiting] by default.
	MaxWaiting int
	// Budget limits what each peer may have of this worker's Python. Budgets has the limits of single peers, by name,
	// where a zero field means Budget's. A call that reaches a limit of time is interrupted, as at the end of its
	// context: C code that waits or computes is counted, and goes on. What is beyond a limit is refused with
	// codes.ResourceExhausted and a text that names the limit. No limits by default.
	Budget  budget.Limits
	Budgets map[string]budget.Limits
	// Children is a folder from which processes that Python starts import the package gopyrpc: see [handler.WithChildren].
	Children string
	// PrintFailures has the traceback of what a function raises printed to Python's standard error, on this worker, where the
	// function ran: its caller gets the exception, but nobody may ever wait for it.
	PrintFailures bool
	// Left is called with the report of a worker that Python started, when Python ends it or the process ends. It may
	// be nil. See [Provide].
	Left func(name string, report cleanup.Report)
}

// Worker is an agent whose functions are Python's. Its methods may be called from any goroutine, and must not be called
// with the GIL held.
type Worker struct {
	rt            *pybridge.Runtime
	handler       *handler.Handler
	agent         *agent.Agent
	policy        *agent.Policy
	timeout       time.Duration
	maxWaiting    int64
	printFailures bool
	waiting       atomic.Int64

	ctx         context.Context // of everything that Python waits for; ends with the Worker
	cancel      context.CancelCauseFunc
	installing  chan struct{} // a lock, held while the Host is installed in Python, or removed
	installed   chan struct{} // closed when Python has the Host
	python      python
	callers     callers
	accounts    *accounts
	refusals    refusalLog
	named       []string // peers that the policy and the budgets name
	grows       bool     // workers come and go
	handles     handles
	events      events
	completions completions
	torch       sync.Once // imports torch
	closing     sync.Once
	unwatch     func()               // ends the updates of the agent's health
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
	w := &Worker{rt: rt, policy: config.Policy, timeout: config.Timeout, maxWaiting: int64(config.MaxWaiting), printFailures: config.PrintFailures, unwatch: func() {}}
	w.installing, w.installed = make(chan struct{}, 1), make(chan struct{})
	if w.timeout == 0 {
		w.timeout = DefaultTimeout
	}
	if w.maxWaiting <= 0 {
		w.maxWaiting = DefaultMaxWaiting
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	w.callers.known, w.callers.policies = map[callerKey]*caller{}, map[string]*policy.Policy{}
	w.handles.known = map[handle]*agent.RRef{}
	w.events.known = map[int64]*event{}
	w.completions = completions{worker: w, calls: map[int64]*agent.Future{}, waiters: map[int64][]*waiter{}}
	var err error
	if w.accounts, err = newAccounts(config); err != nil {
		return nil, err
	}
	if w.handler, err = handler.New(ctx, rt, handler.WithChildren(config.Children)); err != nil {
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
	w.grows = config.Rendezvous != nil && config.Rendezvous.Open
	config.Executor = w
	config.ZeroCopy = true // Execute gives the memory of requests back
	var err error
	if w.agent, err = agent.New(config.Config); err != nil {
		return err
	}
	w.unwatch = gil.OnStall(func(s *gil.Stall) { w.agent.SetHealthy(s == nil) })
	return nil
}

// Agent returns the worker's agent: Call, Join, Shutdown, Stats.
func (w *Worker) Agent() *agent.Agent { return w.agent }

// Handler returns the handler that reads and writes the worker's payloads: see [Worker.RunUDF].
func (w *Worker) Handler() *handler.Handler { return w.handler }

// Serve lets peers in and finds the group. It returns when the agent is closed, or when either has failed. Call it once.
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

// WaitReady waits until the group is known to this worker and to its Python. Serve must run, on another goroutine.
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

// RunUDF has another worker run a pickled PythonUDF, and returns the pickled result: [handler.Handler.RunUDF] at that
// worker. The handler's Serialize and Deserialize make and read the payloads. A payload must not have RRefs, which only
// Python's gopyrpc sends. The result is the bytes that the worker sent: where agent.Policy restricts the worker's replies,
// read the result with a handler that has the same list (handler.WithAllow).
//
// Errors: those of [agent.Agent.Call], and of [handler.Handler.Flatten] and Unflatten.
func (w *Worker) RunUDF(ctx context.Context, to string, p handler.Payload) (handler.Payload, error) {
	m, err := w.message(ctx, p)
	if err != nil {
		return handler.Payload{}, err
	}
	defer m.release()
	req := m.request()
	req.ZeroCopy = false // the caller of RunUDF has no way to give memory back
	reply, err := w.agent.Call(ctx, to, req)
	if err != nil {
		return handler.Payload{}, err
	}
	result, err := w.payload(ctx, reply.Body)
	if len(result.Tensors) > 0 { // payload has copied everything then
		reply.Free()
	}
	return result, err
}

// leave is the worker's step in the cleanup registry. After it Python has no agent.
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

// inside is gil.With for the worker's own code, which ends soon and so is never abandoned.
func (w *Worker) inside(ctx context.Context, f func(gil.Token) error) error {
	return gil.With(gil.WaitForCompletion(gil.WithLabel(ctx, "agent "+w.agent.Name())), f)
}
