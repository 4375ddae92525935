//go:build cpy3

package cpy3_test

import (
	"context"
	"fmt"

	python3 "github.com/go-python/cpy3"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
	"github.com/gopyrpc/gopyrpc/pybridge/cpy3"
)

// arguments makes {"point": (3, 4)} with the C-API.
func arguments(t gil.Token) (*pybridge.Object, error) {
	point := python3.PyTuple_New(2)
	if point == nil {
		return nil, cpy3.Err(t)
	}
	defer point.DecRef()
	for i, n := range []int{3, 4} {
		python3.PyTuple_SetItem(point, i, python3.PyLong_FromLong(n)) // steals the number
	}
	dict := python3.PyDict_New()
	if python3.PyDict_SetItemString(dict, "point", point) != 0 {
		dict.DecRef()
		return nil, cpy3.Err(t)
	}
	return cpy3.Take(t, dict)
}

// Arguments made with cpy3, a function found and called by gopyrpc, its result read with cpy3.
func Example() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = rt.Close(ctx) }()

	err = gil.With(ctx, func(t gil.Token) error {
		args, err := arguments(t)
		if err != nil {
			return err
		}
		defer args.Release()

		json, err := rt.Import(t, "json")
		if err != nil {
			return err
		}
		defer json.Release()
		text, err := json.CallMethod(t, "dumps", args)
		if err != nil {
			return err
		}
		defer text.Release()

		p, err := cpy3.ToCpy3(t, text)
		if err != nil {
			return err
		}
		defer p.DecRef()
		fmt.Println(python3.PyUnicode_AsUTF8(p))
		return nil
	})
	if err != nil {
		fmt.Printf("%+v\n", err)
	}
	// Output: {"point": [3, 4]}
}
