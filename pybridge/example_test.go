package pybridge_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func Example() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close(ctx)

	err = gil.With(ctx, func(t gil.Token) error {
		math, err := rt.Import(t, "math")
		if err != nil {
			return err
		}
		defer math.Release()
		root, err := math.CallMethod(t, "sqrt", 2.25)
		if err != nil {
			return err
		}
		defer root.Release()
		v, err := pybridge.As[float64](t, root)
		fmt.Println(v)
		return err
	})
	fmt.Println(err)
	// Output:
	// 1.5
	// <nil>
}

func ExampleClass() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close(ctx)

	err = gil.With(ctx, func(t gil.Token) error {
		_, err := rt.Import(t, "a_module_that_is_not_there")
		return err
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, pybridge.ImportError), errors.Is(err, pybridge.ValueError))
	// Output:
	// ModuleNotFoundError: No module named 'a_module_that_is_not_there'
	// true false
}

func ExampleNewFunc() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close(ctx)

	err = gil.With(ctx, func(t gil.Token) error {
		double, err := pybridge.NewFunc(t, ctx, "double", func(_ context.Context, args []any, _ map[string]any) (any, error) {
			n, ok := args[0].(int64)
			if !ok {
				return nil, fmt.Errorf("%w: want an int", pybridge.TypeError)
			}
			return 2 * n, nil
		})
		if err != nil {
			return err
		}
		defer double.Release()

		builtins, err := rt.Import(t, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		doubled, err := builtins.CallMethod(t, "map", double, []any{1, 2, "x"})
		if err != nil {
			return err
		}
		defer doubled.Release()
		return doubled.Iterate(t, func(item *pybridge.Object) error {
			defer item.Release()
			n, err := pybridge.As[int](t, item)
			fmt.Println(n)
			return err
		})
	})
	fmt.Println(errors.Is(err, pybridge.TypeError))
	// Output:
	// 2
	// 4
	// true
}
