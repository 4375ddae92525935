package gil_test

import (
	"context"
	"fmt"
	"time"

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

	err = gil.With(gil.WithLabel(ctx, "comb"), func(t gil.Token) error {
		math, err := rt.Import(t, "math")
		if err != nil {
			return err
		}
		defer math.Release()
		result, err := math.CallMethod(t, "comb", 40, 20)
		if err != nil {
			return err
		}
		defer result.Release()
		// Other goroutines may use Python while this one waits.
		if err := gil.Detach(t, func() { <-time.After(time.Millisecond) }); err != nil {
			return err
		}
		n, err := pybridge.As[int](t, result)
		fmt.Println(n)
		return err
	})
	fmt.Println(err)
	// Output:
	// 137846528820
	// <nil>
}
