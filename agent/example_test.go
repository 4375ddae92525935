package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
)

// upper is what these workers do when they are called.
var upper = agent.ExecutorFunc(func(ctx context.Context, req agent.Request) (agent.Reply, error) {
	peer, _ := agent.PeerFrom(ctx)
	return agent.Reply{Body: agent.Bytes(bytes.ToUpper(req.Body.Segments()[0]), []byte("for "+peer.Name))}, nil
})

func Example() {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)

	host, err := agent.New(agent.Config{Name: "w0", Rank: 0, Executor: upper, Logger: quiet,
		Rendezvous: &agent.Rendezvous{Host: true, WorldSize: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	guest, err := agent.New(agent.Config{Name: "w1", Rank: 1, Executor: upper, Logger: quiet,
		Rendezvous: &agent.Rendezvous{Address: host.Addr().String(), WorldSize: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var serving sync.WaitGroup
	for _, a := range []*agent.Agent{host, guest} {
		serving.Go(func() { _ = a.Serve() })
	}
	if err := guest.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}

	reply, err := guest.Call(ctx, "w0", agent.Request{Body: agent.Bytes([]byte("hello"))})
	fmt.Printf("%s %s, error: %v\n", reply.Body.Segments()[0], reply.Body.Segments()[1], err)

	_, err = guest.Call(ctx, "w7", agent.Request{})
	fmt.Println(err)

	for _, a := range []*agent.Agent{host, guest} {
		serving.Go(func() { _, _ = a.Join(ctx) })
	}
	serving.Wait()
	// Output:
	// HELLO for w1, error: <nil>
	// agent: NotFound: unknown worker "w7"; there are w0, w1
}
