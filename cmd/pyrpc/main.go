package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

func main() {
	t0 := time.Now()
	ctx := context.Background()
	rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(rt.Version(), time.Since(t0))
	err = gil.With(ctx, func(t gil.Token) error {
		m, err := rt.Import(t, "math")
		if err != nil {
			return err
		}
		defer m.Release()
		r, err := m.CallMethod(t, "sqrt", 2)
		if err != nil {
			return err
		}
		defer r.Release()
		v, err := pybridge.As[any](t, r)
		fmt.Println(v, err)
		r, err = m.CallMethod(t, "sqrt", -1)
		fmt.Printf("%+v\n", err)
		fmt.Println(errors.Is(err, pybridge.ValueError), errors.Is(err, pybridge.Exception), errors.Is(err, pybridge.KeyError))
		b, _ := rt.Import(t, "builtins")
		defer b.Release()
		e, err := b.CallMethod(t, "eval", `{"a":[1,2**100,(1.5,None,True)],"b":{1,2},3:b"x\0y","s":"\ud800é"}`)
		if err != nil {
			return err
		}
		defer e.Release()
		v, err = pybridge.As[any](t, e)
		fmt.Printf("%#v %v\n", v, err)
		back, err := pybridge.ToPython(t, v)
		if err != nil {
			return err
		}
		defer back.Release()
		fmt.Println(back.Repr(t))
		fn, err := pybridge.NewFunc(t, ctx, "gofn", func(ctx context.Context, args []any, kw map[string]any) (any, error) {
			return nil, fmt.Errorf("go says no: %w", os.ErrNotExist)
		})
		defer fn.Release()
		_, err = fn.Call(t, 1, "x")
		fmt.Printf("%v %v\n", err, errors.Is(err, os.ErrNotExist))
		return nil
	})
	fmt.Println(err)
	t1 := time.Now()
	rep, err := rt.Join(ctx)
	fmt.Println(rep, err, time.Since(t1))
	fmt.Printf("%+v\n", gil.Stats())
}
