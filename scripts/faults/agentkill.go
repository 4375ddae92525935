package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
)

// memberVariable tells a process that it is w1 of a fault's group: the addresses of w0 and w1.
const memberVariable = "GOPYRPC_FAULT_MEMBER"

// killFaults are groups of two, a process each, of which the second is killed, or stopped.
func killFaults() []fault {
	return []fault{
		{name: "kill-rref-user", injected: "a worker that has RRefs to 100 values is killed, and does not come back; the lease is 2 s",
			must: "the values are released", do: withMember(2*time.Second, useRRefs, func(g *killGroup) {
				g.kill()
				g.until("the values are released", func() bool { return g.live.Load() == 0 })
			})},
		{name: "kill-rref-user-again", injected: "the same, and it comes back at once, with other values; the lease is 1 h",
			must: "the former life's values are released, the new one's are kept", do: withMember(time.Hour, useRRefs, func(g *killGroup) {
				g.kill()
				g.member()
				g.until("the former values are released", func() bool { return g.live.Load() == kept100 })
			})},
		{name: "kill-joining", injected: "a worker of a group that has met is killed, and the other joins without a deadline",
			must: "an error at once that names the worker; Shutdown works", do: withMember(0, nothing, func(g *killGroup) {
				g.reach()
				g.kill()
				_, err := g.Join(background)
				g.check(err != nil && strings.Contains(err.Error(), "worker w1 has left without joining"), "Join: %v", err)
				g.leave()
			})},
		{name: "kill-joining-late", injected: "a worker joins without a deadline, and then the other is killed",
			must: "an error at once that names the worker; Shutdown works", do: withMember(0, nothing, func(g *killGroup) {
				g.reach()
				joined := make(chan error)
				go func() {
					_, err := g.Join(background)
					joined <- err
				}()
				g.kill()
				err := <-joined
				g.check(err != nil && strings.Contains(err.Error(), "worker w1 has left without joining"), "Join: %v", err)
				g.leave()
			})},
		{name: "kill-stopped-joining", injected: "a worker that has joined is stopped (SIGSTOP) until its connections are lost, and goes on; then the other joins",
			must: "both join", limit: time.Minute, do: withMember(0, joins, func(g *killGroup) {
				g.until("w1 is connected", func() bool { return g.Stats().Connections > 0 })
				time.Sleep(time.Second) // for w1's report, of which nothing tells
				g.must(g.w1.Process.Signal(syscall.SIGSTOP))
				g.until("w1's connection is lost", func() bool { return g.Stats().Connections == 0 })
				g.must(g.w1.Process.Signal(syscall.SIGCONT))
				ctx, cancel := context.WithTimeout(background, 15*time.Second)
				defer cancel()
				_, err := g.Join(ctx)
				g.check(err == nil, "Join: %v", err)
			})},
		{name: "kill-before-first-call", injected: "a worker of a group that has met is killed before it was ever called",
			must: "the first call fails before its 5 s are over, and says that the worker has ended", do: withMember(0, nothing, func(g *killGroup) {
				g.kill()
				ctx, cancel := context.WithTimeout(background, 5*time.Second)
				defer cancel()
				_, err := g.Call(ctx, "w1", agent.Request{})
				g.check(status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "it was in the group, and has ended"), "Call: %v", err)
				g.leave()
			})},
	}
}

const kept100 = 100

// killGroup is a fault's group: the agent w0 in this process, and the process of w1.
type killGroup struct {
	*probe
	*agent.Agent
	peers []agent.Worker
	live  atomic.Int64 // values of w0 that were not released
	w1    *exec.Cmd
}

// Execute answers with an empty reply.
func (g *killGroup) Execute(context.Context, agent.Request) (agent.Reply, error) {
	return agent.Reply{}, nil
}

// ExecuteRemote keeps the value that the request asks for.
func (g *killGroup) ExecuteRemote(_ context.Context, req agent.Request) (agent.Value, error) {
	g.live.Add(1)
	return &kept{body: req.Body, live: &g.live}, nil
}

// withMember runs the fault in a group whose RRefs have that lease. Without a lease a rendezvous brings the group together. W1's
// process does what be says, and w0's process does what do says.
func withMember(lease time.Duration, be func(*probe, *agent.Agent), do func(*killGroup)) func(*probe) {
	return func(p *probe) {
		if text := os.Getenv(memberVariable); text != "" {
			beMember(p, text, lease == 0, be)
			return
		}
		g := &killGroup{probe: p}
		var listeners [2]net.Listener
		for i := range listeners {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			p.must(err)
			listeners[i] = l
			g.peers = append(g.peers, agent.Worker{Name: fmt.Sprintf("w%d", i), Rank: i, Address: l.Addr().String()})
		}
		p.must(listeners[1].Close()) // w1 listens there itself
		config := agent.Config{Name: "w0", Executor: g, Listener: listeners[0], RRefLease: lease}
		g.Agent = p.serve(inGroup(config, g.peers, lease == 0))
		g.member()
		p.must(g.WaitReady(background))
		do(g)
		g.kill()
		p.did("as it must")
	}
}

// member starts w1, and returns when w1 has done its part.
func (g *killGroup) member() {
	self, err := os.Executable()
	g.must(err)
	g.w1 = exec.Command(self)
	g.w1.Env = append(os.Environ(), memberVariable+"="+g.peers[0].Address+" "+g.peers[1].Address)
	g.w1.Stderr = os.Stderr
	_, err = g.w1.StdinPipe() // its end tells w1 that w0 has gone
	g.must(err)
	out, err := g.w1.StdoutPipe()
	g.must(err)
	g.must(g.w1.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	g.must(err)
	go func() { _, _ = io.Copy(os.Stdout, out) }()
}

// reach has w0 connected to w1. W0 connects by itself, but a w1 that is killed before that is out of reach for another reason than
// the fault's.
func (g *killGroup) reach() {
	_, err := g.Call(background, "w1", agent.Request{})
	g.must(err)
}

func (g *killGroup) kill() {
	_ = g.w1.Process.Kill()
	_ = g.w1.Wait()
}

// beMember is w1: it does its part, says so, and waits to be killed.
func beMember(p *probe, addresses string, meet bool, be func(*probe, *agent.Agent)) {
	peers := []agent.Worker{{Name: "w0"}, {Name: "w1", Rank: 1}}
	_, err := fmt.Sscan(addresses, &peers[0].Address, &peers[1].Address)
	p.must(err)
	a := p.serve(inGroup(agent.Config{Name: "w1", Rank: 1, Listen: peers[1].Address}, peers, meet))
	p.must(a.WaitReady(background))
	be(p, a)
	p.ready()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// inGroup is the configuration in a group whose workers are told of each other, or meet at w0.
func inGroup(c agent.Config, peers []agent.Worker, meet bool) agent.Config {
	c.Keepalive = 10 * time.Second // the least
	if meet {
		c.Rendezvous = &agent.Rendezvous{Address: peers[0].Address, WorldSize: len(peers), Host: c.Rank == 0}
	} else {
		c.Peers = peers
	}
	return c
}

func nothing(*probe, *agent.Agent) {}

// joins has w1 wait for w0 in a join.
func joins(_ *probe, a *agent.Agent) {
	go func() {
		if _, err := a.Join(background); err != nil {
			fmt.Fprintln(os.Stderr, "w1's join:", err)
		}
	}()
}

// leave closes w0 without w1.
func (g *killGroup) leave() {
	_, err := g.Shutdown(background)
	g.check(err == nil, "Shutdown: %v", err)
}

func useRRefs(p *probe, a *agent.Agent) {
	for range kept100 {
		r, err := a.Remote(background, "w0", agent.Request{Body: agent.Bytes([]byte("v"))}, nil)
		p.must(err)
		p.must(r.WaitConfirmed(background))
	}
}
