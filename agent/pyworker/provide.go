package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Provide lets the Python programs of a runtime start agents with gopyrpc.init_rpc, one at a time. Each agent has the
// given config, which says what Python does not: which peers may come in, what they may call, the limits. Name, Rank,
// Rendezvous and Timeout are init_rpc's. The program's options can restrict the config further, and are refused where they
// would loosen it. Where Listen is empty, the worker of rank 0 listens at the address at which the group meets, and the
// others on the interface by which they reach that. Where the config has neither TLS nor Insecure, and that address is
// this machine's, they listen on the loopback interface, whatever name the machine has.
func Provide(ctx context.Context, rt *pybridge.Runtime, config Config) error {
	p := &Provided{rt: rt}
	p.configure = func(_ context.Context, asked Asked) (Config, error) { return narrowed(config, asked.Options) }
	p.explain = func(_ Asked, err error) string { return err.Error() } // the settings of the environment do not count
	return p.provide(ctx)
}

// Asked is what a Python program says of the agent that it starts: the fields of its RpcBackendOptions, and the variables of
// its os.environ.
type Asked struct {
	Options, Environment settings.Values

	misspelt error // of a variable
}

// ProvideAs is [Provide] for a process in which Python is the host: configure makes the config of each agent, of what the
// program says. Its error is init_rpc's, as a ValueError. [FromEnvironment] is such a function.
//
//   - GIL: must not be held
//   - Thread: any; configure is called on any
//   - Ref: what it makes lives as long as the runtime
//   - Blocks: ctx
func ProvideAs(ctx context.Context, rt *pybridge.Runtime, configure func(context.Context, Asked) (Config, error)) (*Provided, error) {
	p := &Provided{rt: rt, configure: configure, explain: Asked.explain}
	return p, p.provide(ctx)
}

// Provided is what starts agents for Python.
type Provided struct {
	rt        *pybridge.Runtime
	configure func(context.Context, Asked) (Config, error)
	explain   func(Asked, error) string // what an agent's error is in the words of what the program can change

	mu       sync.Mutex
	current  *Worker   // guarded by mu
	starting *starting // guarded by mu
}

func (p *Provided) provide(ctx context.Context) error {
	if _, err := handler.New(ctx, p.rt); err != nil { // makes "import gopyrpc" work
		return err
	}
	if err := p.rt.Registry().Register(cleanup.PhaseAgent, "agent that Python started", p.Shutdown); err != nil {
		return fmt.Errorf("pyworker: %w", err)
	}
	return p.rt.OnOwner(ctx, func(t gil.Token) error {
		m, err := p.rt.Import(t, hostModule)
		if err != nil {
			return err
		}
		defer m.Release()
		functions := map[string]any{}
		defer release(functions)
		for name, f := range map[string]pybridge.Func{"find": p.find, "start": p.start, "meet": p.meet, "give_up": p.giveUp} {
			o, err := pybridge.NewFunc(t, context.WithoutCancel(ctx), hostFunctionName(name), f, pybridge.InPlace())
			if err != nil {
				return err
			}
			functions[name] = o
		}
		return discard(m.CallMethod(t, "provide", functions["start"], functions["find"], functions["meet"], functions["give_up"]))
	})
}

// starting is a worker that looks for its group.
type starting struct {
	worker *Worker
	asked  Asked
	served chan error
}

// start takes (name, rank, world_size, timeout, address, coordinator, hosts, lent, spread, settings, variables), which
// Starter in gopyrpc/_rpc/hosts.py describes, and returns where an agent listens that looks for its group.
func (p *Provided) start(ctx context.Context, args []any, _ map[string]any) (any, error) {
	var listens string
	err := heedfully(ctx, p.rt, func(ctx context.Context) (err error) {
		listens, err = p.begin(ctx, arguments{args})
		return err
	})
	return listens, err
}

func (p *Provided) begin(ctx context.Context, a arguments) (string, error) {
	name, err1 := argument[string](a, 0)
	rank, err2 := argument[int64](a, 1)
	world, err3 := argument[int64](a, 2)
	seconds, err4 := secondsOf(a, 3)
	where, err5 := meetingPlaceOf(a, 4)
	asked, err6 := askedOf(a, 9)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return "", err
	}
	config, err := p.configure(ctx, asked)
	opens := config.Listener == nil
	if err == nil {
		err = where.settle(ctx, &config)
	}
	if err != nil {
		return "", p.refused(asked, err)
	}
	config.Name, config.Rank = name, int(rank)
	config.Timeout = time.Duration(seconds * float64(time.Second))
	if seconds == 0 {
		config.Timeout = -1
	}
	config.Rendezvous = &agent.Rendezvous{
		Address: where.address, Name: where.coordinator, WorldSize: int(world), Host: rank == 0, BeforeComplete: where.giveBack,
		Open: world == 0,
	}
	config.Cleanup = cleanup.New()
	w, err := New(ctx, p.rt, config)
	if err != nil {
		if opens && config.Listener != nil {
			_ = config.Listener.Close() // which settle has opened
		}
		return "", &pythonError{pybridge.RuntimeError, p.explain(asked, err), err}
	}
	var once sync.Once
	w.left = func(report cleanup.Report) {
		once.Do(func() {
			if config.Left != nil {
				config.Left(name, report)
			}
		})
	}
	s := &starting{worker: w, asked: asked, served: make(chan error, 1)}
	p.mu.Lock()
	p.current, p.starting = w, s
	p.mu.Unlock()
	go func() { s.served <- w.Serve() }()
	return w.agent.Advertised(), nil
}

// find takes (address, spread, settings, variables), and returns the address by which this worker is to reach what is there.
func (p *Provided) find(ctx context.Context, args []any, _ map[string]any) (any, error) {
	a := arguments{args}
	address, err1 := argument[string](a, 0)
	spread, err2 := argument[bool](a, 1)
	asked, err3 := askedOf(a, 2)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	where := meetingPlace{address: address, spread: spread}
	err := heedfully(ctx, p.rt, func(ctx context.Context) error {
		config, err := p.configure(ctx, asked)
		if err == nil {
			err = where.find(ctx, &config)
		}
		if err != nil {
			return p.refused(asked, err)
		}
		return nil
	})
	return where.address, err
}

// refused is the error of what a program asks for that cannot be.
func (p *Provided) refused(asked Asked, err error) error {
	if errors.Is(err, agent.ErrInsecure) {
		return &pythonError{pybridge.RuntimeError, p.explain(asked, err), err}
	}
	return &pythonError{pybridge.ValueError, err.Error(), err}
}

// meet returns when the whole group is there.
func (p *Provided) meet(ctx context.Context, _ []any, _ map[string]any) (any, error) {
	s := p.taken()
	if s == nil {
		return nil, errors.New("pyworker: no agent was started")
	}
	return nil, heedfully(ctx, p.rt, func(ctx context.Context) error {
		err := s.worker.WaitReady(ctx)
		if err == nil {
			return nil
		}
		if why := s.end(ctx); why != nil {
			err = why
		}
		return &pythonError{pybridge.RuntimeError, p.explain(s.asked, err), err}
	})
}

// giveUp ends an agent whose group is not to meet.
func (p *Provided) giveUp(ctx context.Context, _ []any, _ map[string]any) (any, error) {
	if s := p.taken(); s != nil {
		_ = s.end(ctx)
	}
	return nil, nil
}

// taken is the worker that was started last, which is then no longer one that is starting.
func (p *Provided) taken() *starting {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.starting
	p.starting = nil
	return s
}

// end shuts the agent down, and returns why it served no longer before, if it did not.
func (s *starting) end(ctx context.Context) error {
	_, _ = s.worker.agent.Shutdown(context.WithoutCancel(ctx))
	select {
	case err := <-s.served:
		return err
	default:
		return nil
	}
}

// Shutdown ends the agent that runs, if there is one: of a process that ends without rpc.shutdown().
//
// Errors: those of [agent.Agent.Shutdown].
func (p *Provided) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	w := p.current
	p.mu.Unlock()
	if w == nil {
		return nil
	}
	report, err := w.agent.Shutdown(ctx)
	w.left(report)
	return err
}

// hostShutdown takes (graceful, timeout), and ends the agent.
func (w *Worker) hostShutdown(ctx context.Context, a arguments) (any, error) {
	graceful, err1 := argument[bool](a, 0)
	seconds, err2 := secondsOf(a, 1)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	end := w.agent.Shutdown
	if graceful {
		end = w.agent.Join
	}
	// RRefs that are left are in the report, which the agent logs. As in torch, they do not keep a worker from leaving.
	var report cleanup.Report
	err := heedfully(ctx, w.rt, func(ctx context.Context) (err error) {
		report, err = end(ctx)
		return err
	})
	if len(report.Steps) > 0 && w.left != nil { // without steps the wait for the others failed, and the agent is still open
		w.left(report)
	}
	if err != nil && !errors.Is(err, cleanup.ErrLeaked) && !errors.Is(err, agent.ErrLeaked) {
		return failure(err)
	}
	return nil, nil
}
