package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// client calls the server.
type client struct {
	rt *pybridge.Runtime
	w  *pyworker.Worker
}

func (c client) fromGo(ctx context.Context) error {
	cost, err := remote[float64](ctx, c, "server", "pricing", "quote", "tea", 3)
	if err != nil {
		return err
	}
	fmt.Println("from Go: 3 × tea costs", cost)

	_, err = remote[float64](ctx, c, "server", "pricing", "quote", "gold", 1)
	var raised *pybridge.Error
	if !errors.As(err, &raised) {
		return fmt.Errorf("gold has a price: %w", err)
	}
	fmt.Printf("from Go: %s: %s\n", raised.Type, raised.Message)

	_, err = remote[float64](ctx, c, "server", "math", "hypot", 3, 4)
	if !errors.Is(err, pybridge.Class("gopyrpc.internal.DeserializeError")) {
		return fmt.Errorf("math.hypot was not refused: %w", err)
	}
	fmt.Println("from Go: the server refuses math.hypot")
	return nil
}

func (c client) fromPython(ctx context.Context) error {
	cost, err := gil.Call(ctx, func(t gil.Token) (float64, error) {
		shop, err := c.rt.Import(t, "shop")
		if err != nil {
			return 0, err
		}
		defer shop.Release()
		result, err := shop.CallMethod(t, "basket", "server", map[string]int{"tea": 3, "coffee": 2})
		if err != nil {
			return 0, err
		}
		defer result.Release()
		return pybridge.As[float64](t, result)
	})
	if err != nil {
		return err
	}
	fmt.Printf("from Python: the basket costs %.1f\n", cost)
	return nil
}

// remote has a worker call module.function(args...). What the function raises is a *pybridge.Error.
func remote[T any](ctx context.Context, c client, worker, module, function string, args ...any) (value T, err error) {
	udf, err := c.udf(ctx, module, function, args)
	if err != nil {
		return value, err
	}
	defer udf.Release()
	request, err := c.w.Handler().Serialize(ctx, udf)
	if err != nil {
		return value, err
	}
	defer request.Release()
	reply, err := c.w.RunUDF(ctx, worker, request)
	if err != nil {
		return value, err
	}
	defer reply.Release()
	result, err := c.w.Handler().Deserialize(ctx, reply)
	if err != nil {
		return value, err
	}
	defer result.Release()
	if err := c.w.Handler().HandleException(ctx, result); err != nil {
		return value, err
	}
	return gil.Call(ctx, func(t gil.Token) (T, error) { return pybridge.As[T](t, result) })
}

// udf makes what travels: gopyrpc.internal.PythonUDF(module.function, args, {}).
func (c client) udf(ctx context.Context, module, function string, args []any) (*pybridge.Object, error) {
	return gil.Call(ctx, func(t gil.Token) (*pybridge.Object, error) {
		m, err := c.rt.Import(t, module)
		if err != nil {
			return nil, err
		}
		defer m.Release()
		f, err := m.Attr(t, function)
		if err != nil {
			return nil, err
		}
		defer f.Release()
		internal, err := c.rt.Import(t, c.w.Handler().Module())
		if err != nil {
			return nil, err
		}
		defer internal.Release()
		return internal.CallMethod(t, "PythonUDF", f, pybridge.Tuple(args), pybridge.Dict{})
	})
}
