package main

import (
	"context"
	"log/slog"
	"net"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/pyrpc/pyrpc/agent"
	agentpb "github.com/pyrpc/pyrpc/agent/proto"
)

// agentFaults are what one worker does to another.
func agentFaults() []fault {
	return []fault{
		{name: "agent-streams-reset", injected: "a peer opens 20,000 streams and resets each at once",
			must: "less than 4 MB of memory stay", do: streamsReset},
	}
}

// agents makes the agents of one group, all in this process, which serve until the process ends.
func (p *probe) agents(configs ...agent.Config) []*agent.Agent {
	var peers []agent.Worker
	for i := range configs {
		c := &configs[i]
		l, err := net.Listen("tcp", "127.0.0.1:0")
		p.must(err)
		c.Listener, c.Rank = l, i
		peers = append(peers, agent.Worker{Name: c.Name, Rank: i, Address: l.Addr().String()})
	}
	agents := make([]*agent.Agent, len(configs))
	for i, c := range configs {
		c.Peers = peers
		agents[i] = p.serve(c)
	}
	return agents
}

// serve makes one agent. Where it has no Executor it answers with what was asked.
func (p *probe) serve(c agent.Config) *agent.Agent {
	if c.Executor == nil {
		c.Executor = agent.ExecutorFunc(func(_ context.Context, req agent.Request) (agent.Reply, error) {
			return agent.Reply{Body: req.Body}, nil
		})
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := agent.New(c)
	p.must(err)
	go func() { p.checkIs(a.Serve(), nil, "Serve") }()
	return a
}

func streamsReset(p *probe) {
	const streams, most = 20_000, 4 << 20
	agents := p.agents(agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	conn, err := grpc.NewClient("passthrough:///"+agents[0].Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	p.must(err)
	hello, err := proto.Marshal(&agentpb.Hello{Version: 1, Name: "w1", Incarnation: 1, MaxMessage: 1 << 20})
	p.must(err)
	reset := func() {
		ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(background, "pyrpc-hello-bin", string(hello)))
		defer cancel()
		_, err := agentpb.NewAgentClient(conn).Connect(ctx)
		p.must(err)
	}
	reset()
	before := heap()
	for range streams {
		reset()
	}
	left := int64(0)
	p.until("the memory is back", func() bool {
		left = heap() - before
		return left < most
	})
	_, err = agents[1].Call(background, "w0", agent.Request{})
	p.check(err == nil, "an innocent call afterwards: %v", err)
	p.did("%d kB stay", left>>10)
}

// heap is how much memory of Go's is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
