package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// remoteCall are the flags of gopyrpc call that are about other workers.
type remoteCall struct {
	agentFlags
	peers []string
	as    string
}

func (r *remoteCall) add(cmd *cobra.Command) {
	r.identity(cmd)
	r.calls = true
	flags := cmd.Flags()
	flags.Bool("insecure", false, "call in clear text beyond this machine, a worker that was started like that (INSECURE)")
	flags.StringArrayVar(&r.peers, "peer", nil, "where a worker is, as `name=host:port`; may be repeated (default: "+peersVariable+")")
	flags.StringVar(&r.as, "as", guestName, "`name` to come under; the worker must expect it (gopyrpc agent --guest)")
}

// callWorker makes the call as a guest of the worker's group.
func (c *common) callWorker(cmd *cobra.Command, r *remoteCall, target string, request request) error {
	if c.module != handler.OwnModule {
		return &usageError{fmt.Errorf("--module is for the target %q: workers speak %s", selfTarget, handler.OwnModule)}
	}
	peers, err := parsePeers(r.peers)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(peers, func(w agent.Worker) bool { return w.Name == target })
	if at < 0 {
		return &usageError{fmt.Errorf("no address for target %q: give --peer %s=host:port, or set %s; known are %s",
			target, target, peersVariable, strings.Join(append(names(peers), selfTarget), ", "))}
	}
	if r.as == target {
		return &usageError{fmt.Errorf("--as %s is the name of the worker that is called: give one of a guest that it expects (gopyrpc agent --guest)", r.as)}
	}
	config, err := r.config(c, cmd)
	if err != nil {
		return err
	}
	config.Name, config.Rank = r.as, 1
	config.Peers = []agent.Worker{{Name: target, Address: peers[at].Address}}
	config.Policy = &agent.Policy{Default: []string{}} // peers may call nothing here
	config.StartTimeout = 3 * time.Second
	return c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		w, err := pyworker.New(ctx, rt, config)
		var wrong *agent.ConfigError
		if errors.As(err, &wrong) && wrong.Field == "Name" {
			return &usageError{fmt.Errorf("--as: %s", wrong.Reason())}
		}
		if err != nil {
			return err
		}
		go func() { _ = w.Serve() }() // which would say no more than the call does
		ctx, cancel := c.deadline.begin(ctx)
		defer cancel()
		if err := standIn(ctx, rt, request); err != nil {
			return err
		}
		run := func(ctx context.Context, p handler.Payload) (handler.Payload, error) { return w.RunUDF(ctx, target, p) }
		return c.call(ctx, cmd, rt, w.Handler(), run, request)
	})
}

func names(workers []agent.Worker) []string {
	var list []string
	for _, w := range workers {
		list = append(list, w.Name)
	}
	return list
}

// standIn makes a function that cannot be imported here nameable all the same: only its name travels,
// and the pickler insists on finding it.
func standIn(ctx context.Context, rt *pybridge.Runtime, r request) error {
	return gil.With(ctx, func(t gil.Token) error {
		fn, err := resolve(t, rt, r.module, r.function)
		if err == nil {
			fn.Release()
			return nil
		}
		return define(t, rt, r)
	})
}

// define puts a module of that name in place, with classes for the parts of the function's name: these are
// callable, and pickled by name.
func define(t gil.Token, rt *pybridge.Runtime, r request) error {
	holder, err := moduleNamed(t, rt, r.module)
	if err != nil {
		return err
	}
	defer func() { holder.Release() }()
	parts := strings.Split(r.function, ".")
	for i, part := range parts {
		named := pybridge.Dict{{Key: "__module__", Value: r.module}, {Key: "__qualname__", Value: strings.Join(parts[:i+1], ".")}}
		class, err := call(t, rt, "builtins", "type", part, pybridge.Tuple{}, named)
		if err != nil {
			return err
		}
		if err := holder.SetAttr(t, part, class); err != nil {
			class.Release()
			return err
		}
		holder.Release()
		holder = class
	}
	return nil
}

// moduleNamed imports a module, or puts empty ones in place of it and of the packages that it is in.
func moduleNamed(t gil.Token, rt *pybridge.Runtime, name string) (*pybridge.Object, error) {
	m, err := rt.Import(t, name)
	if err == nil {
		return m, nil
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		parent, err := moduleNamed(t, rt, name[:i])
		if err != nil {
			return nil, err
		}
		parent.Release()
	}
	loaded, err := resolve(t, rt, "sys", "modules")
	if err != nil {
		return nil, err
	}
	defer loaded.Release()
	if m, err = call(t, rt, "types", "ModuleType", name); err != nil {
		return nil, err
	}
	if err := loaded.SetItem(t, name, m); err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

func call(t gil.Token, rt *pybridge.Runtime, module, function string, args ...any) (*pybridge.Object, error) {
	fn, err := resolve(t, rt, module, function)
	if err != nil {
		return nil, err
	}
	defer fn.Release()
	return fn.Call(t, args...)
}
