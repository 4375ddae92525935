package pyworker

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Modules of the package gopyrpc.
const (
	serveModule   = pyname.Package + "._rpc.serve"
	pendingModule = pyname.Package + "._rpc.pending"
	hostModule    = pyname.Package + "._rpc.hosts"
	callerModule  = pyname.Package + "._rpc.caller"
)

// hostFunctionName returns the name of a function of a Host in error messages.
func hostFunctionName(name string) string { return pyname.Package + " host." + name }

// python has the functions and classes of gopyrpc/_rpc that a Worker calls.
type python struct {
	serve, serveRemote, serveBeside, serveRemoteBeside *pybridge.Object // serve
	fetch, whenDone, whenKept, abandon, makeCaller     *pybridge.Object // serve, and caller
	settle, goOn                                       *pybridge.Object // pending
	makeHost, installHost, removeHost                  *pybridge.Object // hosts
	setName                                            *pybridge.Object // internal
	host                                               *pybridge.Object
}

func (p *python) slots() map[string]map[string]**pybridge.Object {
	return map[string]map[string]**pybridge.Object{
		serveModule: {
			"serve": &p.serve, "serve_remote": &p.serveRemote, "fetch": &p.fetch,
			"serve_beside": &p.serveBeside, "serve_remote_beside": &p.serveRemoteBeside,
			"when_done": &p.whenDone, "when_kept": &p.whenKept, "abandon": &p.abandon,
		},
		callerModule:    {"Caller": &p.makeCaller},
		pendingModule:   {"settle": &p.settle, "go_on": &p.goOn},
		hostModule:      {"Host": &p.makeHost, "install": &p.installHost, "remove": &p.removeHost},
		pyname.Internal: {"set_worker_name": &p.setName},
	}
}

// load imports the modules on the owner's thread, as the first import of a module is to be.
func (p *python) load(ctx context.Context, rt *pybridge.Runtime) error {
	return rt.OnOwner(ctx, func(t gil.Token) error {
		for module, functions := range p.slots() {
			m, err := rt.Import(t, module)
			if err != nil {
				return err
			}
			for name, slot := range functions {
				if *slot, err = m.Attr(t, name); err != nil {
					m.Release()
					return err
				}
				(*slot).Named("worker's " + name)
			}
			m.Release()
		}
		return nil
	})
}

func (p *python) release() {
	for _, functions := range p.slots() {
		for _, slot := range functions {
			(*slot).Release()
		}
	}
	p.host.Release()
}

// ranks are the workers of the group as Python has them: the rank by the name.
func (w *Worker) ranks() pybridge.Dict {
	workers := pybridge.Dict{}
	for _, member := range w.agent.Workers() {
		workers = append(workers, pybridge.DictItem{Key: member.Name, Value: member.Rank})
	}
	return workers
}

func (w *Worker) hostWorkers(context.Context, arguments) (any, error) { return w.ranks(), nil }

// install makes the agent known to Python, as a Host, unless the worker is leaving.
func (w *Worker) install() error {
	w.installing <- struct{}{}
	defer func() { <-w.installing }()
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	err := w.inside(w.ctx, func(t gil.Token) error {
		functions, err := w.hostFunctions(t)
		if err != nil {
			return err
		}
		defer release(functions)
		host, err := w.python.makeHost.Call(t, w.agent.Name(), w.agent.Rank(), w.ranks(), max(w.timeout.Seconds(), 0), functions, w.printFailures, w.grows)
		if err != nil {
			return err
		}
		w.python.host = host.Named("worker's host")
		if err := discard(w.python.installHost.Call(t, host)); err != nil {
			return err
		}
		return discard(w.python.setName.Call(t, w.agent.Name()))
	})
	if err != nil {
		return err
	}
	close(w.installed)
	return nil
}

// uninstall keeps install from beginning, waits for one that has begun, and undoes it.
func (w *Worker) uninstall(ctx context.Context) error {
	w.cancel(agent.ErrClosed)
	select {
	case w.installing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-w.installing }()
	if w.python.host == nil {
		return nil // Python never had a Host
	}
	err := w.inside(context.WithoutCancel(ctx), func(t gil.Token) error {
		return discard(w.python.removeHost.Call(t, w.python.host))
	})
	if err != nil {
		return fmt.Errorf("removing the agent from Python: %w", err)
	}
	return nil
}

func discard(o *pybridge.Object, err error) error {
	o.Release()
	return err
}

func release(objects map[string]any) {
	for _, o := range objects {
		o.(*pybridge.Object).Release()
	}
}
