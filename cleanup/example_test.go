package cleanup_test

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

func ExampleRegistry_Run() {
	reg := cleanup.New()
	_ = reg.Register(cleanup.PhaseHandler, "udf cache", func(context.Context) error {
		fmt.Println("2. drop the handler's functions")
		return nil
	})
	_ = reg.Register(cleanup.PhaseAgent, "drain", func(context.Context) error {
		fmt.Println("1. drain the requests in flight")
		return nil
	})

	report, err := reg.Run(context.Background())

	fmt.Println(len(report.Steps), "steps,", "error:", err)
	// Output:
	// 1. drain the requests in flight
	// 2. drop the handler's functions
	// 2 steps, error: <nil>
}
