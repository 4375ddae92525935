package handler_test

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// hypot is PythonUDF(math.hypot, (3, 4), {}), pickled as a peer would send it, in protocol 0, which is text.
const hypot = "cgopyrpc.internal\nPythonUDF\n(cmath\nhypot\n(I3\nI4\nt}tR."

func Example() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx, pybridge.WithPath(testdata()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close(ctx)
	h, err := handler.New(ctx, rt)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Cleanup(ctx)

	pickled, err := h.RunUDF(ctx, handler.Payload{Data: []byte(hypot)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pickled.Release()
	result, err := h.Deserialize(ctx, pickled)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer result.Release()
	err = gil.With(ctx, func(t gil.Token) error {
		v, err := pybridge.As[float64](t, result)
		fmt.Println(v)
		return err
	})
	fmt.Println(err)
	// Output:
	// 5
	// <nil>
}
