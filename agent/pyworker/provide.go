package pyworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Provide lets the Python programs of a runtime start agents with gopyrpc.init_rpc, one at a time. Each agent has the
// given config, which says what Python does not: which peers may come in, what they may call, the limits. Name, Rank,
// Rendezvous and Timeout are init_rpc's. Where Listen is empty, the worker of rank 0 listens at the address at which the
// group meets, and the others on the interface by which they reach that.
func Provide(ctx context.Context, rt *pybridge.Runtime, config Config) error {
	_, err := ProvideAs(ctx, rt, func(context.Context, map[string]any) (Config, error) { return config, nil })
	return err
}

// ProvideAs is [Provide] for a process in which Python is the host: configure makes the config of each agent, of the
// options that init_rpc was given for it (fields of RpcBackendOptions, by name, without those that are None). Its error is
// init_rpc's, as a ValueError.
//
//   - GIL: must not be held
//   - Thread: any; configure is called on any
//   - Ref: what it makes lives as long as the runtime
//   - Blocks: ctx
func ProvideAs(ctx context.Context, rt *pybridge.Runtime, configure func(context.Context, map[string]any) (Config, error)) (*Provided, error) {
	p := &Provided{rt: rt, configure: configure}
	if _, err := handler.New(ctx, rt); err != nil { // makes "import gopyrpc" work
		return nil, err
	}
	if err := rt.Registry().Register(cleanup.PhaseAgent, "agent that Python started", p.Shutdown); err != nil {
		return nil, fmt.Errorf("pyworker: %w", err)
	}
	return p, rt.OnOwner(ctx, func(t gil.Token) error {
		m, err := rt.Import(t, hostModule)
		if err != nil {
			return err
		}
		defer m.Release()
		start, err := pybridge.NewFunc(t, context.WithoutCancel(ctx), hostFunctionName("start"), p.start, pybridge.InPlace())
		if err != nil {
			return err
		}
		defer start.Release()
		return discard(m.CallMethod(t, "provide", start))
	})
}

// Provided is what starts agents for Python.
type Provided struct {
	rt        *pybridge.Runtime
	configure func(context.Context, map[string]any) (Config, error)

	mu      sync.Mutex
	current *Worker // guarded by mu
}

// start takes (name, rank, world_size, address, timeout, options), and returns when the whole group is there.
func (p *Provided) start(ctx context.Context, args []any, _ map[string]any) (any, error) {
	return nil, heedfully(ctx, p.rt, func(ctx context.Context) error { return p.join(ctx, arguments{args}) })
}

func (p *Provided) join(ctx context.Context, a arguments) error {
	name, err1 := argument[string](a, 0)
	rank, err2 := argument[int64](a, 1)
	world, err3 := argument[int64](a, 2)
	address, err4 := argument[string](a, 3)
	seconds, err5 := secondsOf(a, 4)
	options, err6 := optionsOf(a, 5)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	config, err := p.configure(ctx, options)
	if err != nil {
		return fmt.Errorf("%w: %w", pybridge.ValueError, err)
	}
	config.Name, config.Rank = name, int(rank)
	config.Rendezvous = &agent.Rendezvous{Address: address, WorldSize: int(world), Host: rank == 0}
	config.Timeout = time.Duration(seconds * float64(time.Second))
	if seconds == 0 {
		config.Timeout = -1
	}
	if err := place(&config, address, rank == 0); err != nil {
		return fmt.Errorf("%w: %w", pybridge.ValueError, err)
	}
	config.Cleanup = cleanup.New()
	w, err := New(ctx, p.rt, config)
	if err != nil {
		return fmt.Errorf("%w: %w", pybridge.RuntimeError, err)
	}
	var once sync.Once
	w.left = func(report cleanup.Report) {
		once.Do(func() {
			if config.Left != nil {
				config.Left(name, report)
			}
		})
	}
	p.mu.Lock()
	p.current = w
	p.mu.Unlock()
	served := make(chan error, 1)
	go func() { served <- w.Serve() }()
	if err = w.WaitReady(ctx); err == nil {
		return nil
	}
	_, _ = w.agent.Shutdown(context.WithoutCancel(ctx))
	select {
	case why := <-served:
		if why != nil {
			err = why
		}
	default:
	}
	return fmt.Errorf("%w: %w", pybridge.RuntimeError, err)
}

// optionsOf returns the argument with index i, a dict with names as keys.
func optionsOf(a arguments, i int) (map[string]any, error) {
	dict, err := argument[pybridge.Dict](a, i)
	options := map[string]any{}
	for _, item := range dict {
		name, ok := item.Key.(string)
		if !ok {
			return nil, fmt.Errorf("pyworker: an option's name is a %T, not a string", item.Key)
		}
		options[name] = item.Value
	}
	return options, err
}

// place sets where a worker listens, which is also where the others find it.
func place(config *Config, address string, host bool) error {
	if config.Listen != "" || config.Listener != nil {
		return nil
	}
	if host {
		config.Listen = address
		return nil
	}
	// The others reach this worker on the interface by which it reaches the coordinator.
	conn, err := net.Dial("udp", address)
	if err != nil {
		return fmt.Errorf("worker 0 cannot be at %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	mine, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return err
	}
	config.Listen = net.JoinHostPort(mine, "0")
	return nil
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
