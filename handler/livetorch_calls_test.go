package handler_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// exchange has torch's agent and our handlers call and be called at the same time.
func (g *group) exchange(ctx context.Context) error {
	other := "w0"
	work := []func() error{
		func() error { return do(ctx, g.rt, "calls", "w0", 30) },
		func() error { return g.hooks(ctx) },
	}
	if g.peer != nil {
		other = "w1"
		work = append(work,
			func() error { return do(ctx, g.rt, "calls", other, 30) },
			func() error { return errors.Join(g.peer.tell("call"), g.peer.done()) })
	}
	for _, h := range g.handlers {
		work = append(work, func() error { return g.serve(ctx, h, other) })
	}
	errs := make([]error, len(work))
	var wg sync.WaitGroup
	for i, f := range work {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// serve runs requests that the module itself, not our handler, pickled, and has it read the results.
func (g *group) serve(ctx context.Context, h *handler.Handler, other string) error {
	kinds := []string{"numbers", "tensors"}
	// torch's reference context is that of the process's first agent for ever, so RRefs work with that
	// agent only. Ours does not pickle them.
	if h.Module() == handler.TorchModule && g.joins == 1 {
		kinds = append(kinds, "RRef", "RRef result")
	}
	for range 10 {
		for _, kind := range kinds {
			if err := g.serveOne(ctx, h, kind, other); err != nil {
				return fmt.Errorf("%s, %s: %w", h.Module(), kind, err)
			}
		}
	}
	return nil
}

func (g *group) serveOne(ctx context.Context, h *handler.Handler, kind, other string) error {
	request, err := g.request(ctx, h.Module(), kind, other)
	if err != nil {
		return err
	}
	defer request.Release()
	result, err := h.RunUDF(ctx, request)
	if err != nil {
		return err
	}
	defer result.Release()
	tensors := []any{}
	for _, t := range result.Tensors {
		tensors = append(tensors, t.Object())
	}
	wrong, err := on[string](ctx, g.rt, "check", h.Module(), kind, result.Data, tensors)
	if err == nil && wrong != "" {
		err = errors.New(wrong)
	}
	return err
}

// request is a payload that the module's serialize made.
func (g *group) request(ctx context.Context, module, kind, other string) (p handler.Payload, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		pair, err := inLiveTorch(t, g.rt, "request", module, kind, other)
		if err != nil {
			return err
		}
		defer pair.Release()
		data, err := pair.Item(t, 0)
		if err != nil {
			return err
		}
		defer data.Release()
		if p.Data, err = pybridge.As[[]byte](t, data); err != nil {
			return err
		}
		tensors, err := pair.Item(t, 1)
		if err != nil {
			return err
		}
		defer tensors.Release()
		return tensors.Iterate(t, func(o *pybridge.Object) error {
			p.Tensors = append(p.Tensors, handler.NewTensor(o))
			return nil
		})
	})
	return p, err
}

// hooks has torch's threads call a Go function, which uses our handler in turn.
func (g *group) hooks(ctx context.Context) error {
	served := func(ctx context.Context, args []any, _ map[string]any) (any, error) {
		n, _ := args[0].(int64)
		return n + 1, g.serveOne(ctx, g.handlers[0], "numbers", "w0")
	}
	if err := g.setHook(ctx, served); err != nil {
		return err
	}
	err := do(ctx, g.rt, "hooks", 20)
	return errors.Join(err, gil.With(ctx, func(t gil.Token) error { return setLiveHook(t, g.rt, nil) }))
}

func (g *group) setHook(ctx context.Context, f pybridge.Func) error {
	return gil.With(ctx, func(t gil.Token) error {
		fn, err := pybridge.NewFunc(t, ctx, "hook", f)
		if err != nil {
			return err
		}
		defer fn.Release()
		return setLiveHook(t, g.rt, fn)
	})
}

func setLiveHook(t gil.Token, rt *pybridge.Runtime, v any) error {
	module, err := rt.Import(t, "livetorch")
	if err != nil {
		return err
	}
	defer module.Release()
	return module.SetAttr(t, "hook", v)
}
