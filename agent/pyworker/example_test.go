package pyworker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// hello is PythonUDF("hello".upper, (), {}), pickled in protocol 0, which is text.
const hello = "cgopyrpc.internal\nPythonUDF\n(cbuiltins\ngetattr\n(Vhello\nVupper\ntR(t}tR."

func Example() {
	ctx := context.Background()
	rt, err := pybridge.Start(ctx, pybridge.WithPath(testdata()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close(ctx)

	meeting := &agent.Rendezvous{WorldSize: 2, Host: true}
	var workers []*pyworker.Worker
	var serving sync.WaitGroup
	for rank := range 2 {
		w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{
			Name: fmt.Sprintf("w%d", rank), Rank: rank, Rendezvous: meeting,
			Logger: slog.New(slog.DiscardHandler), Cleanup: cleanup.New(),
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer w.Handler().Cleanup(ctx)
		serving.Go(func() { _ = w.Serve() })
		workers = append(workers, w)
		meeting = &agent.Rendezvous{WorldSize: 2, Address: workers[0].Agent().Addr().String()}
	}
	w0 := workers[0]
	if err := w0.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}

	pickled, err := w0.RunUDF(ctx, "w1", handler.Payload{Data: []byte(hello)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pickled.Release()
	result, err := w0.Handler().Deserialize(ctx, pickled)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer result.Release()
	err = gil.With(ctx, func(t gil.Token) error {
		text, err := pybridge.As[string](t, result)
		fmt.Println(text, err)
		return err
	})

	if err != nil {
		fmt.Println(err)
		return
	}

	for _, w := range workers {
		serving.Go(func() { _, _ = w.Agent().Join(ctx) })
	}
	serving.Wait()
	// Output: HELLO <nil>
}
