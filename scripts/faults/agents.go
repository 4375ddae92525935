package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// helloKey is the key of the metadata in which a peer says its name.
const helloKey = "gopyrpc-hello-bin"

// agentFaults are faults that a peer does to a worker.
func agentFaults() []fault {
	return []fault{
		{name: "agent-streams-reset", injected: "a peer opens 20,000 streams and resets each at once",
			must: "less than 8 MB of memory stay", do: streamsReset},
		{name: "agent-ring-deaf", injected: "a peer in shared memory denies that the agent's reader sleeps, and hangs up, 70 times",
			must: "the 71st ring is read; no threads or descriptors stay; Shutdown in time", do: ringDeaf},
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

// serve makes one agent. An agent without an Executor echoes requests.
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
	const streams, most = 20_000, 8 << 20
	agents := p.agents(agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	conn := p.connect(agents[0])
	reset := func() { p.openStream(conn, &agentpb.Hello{Name: "w1", Incarnation: 1}).reset() }
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
	_, err := agents[1].Call(background, "w0", agent.Request{})
	p.check(err == nil, "an innocent call afterwards: %v", err)
	p.did("%d kB stay", left>>10)
}

// connect makes a connection of a peer that is no agent of this project, and may do anything.
func (p *probe) connect(to *agent.Agent) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+to.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	p.must(err)
	return conn
}

// rawStream is a stream of a peer that is no agent of this project.
type rawStream struct {
	*probe
	grpc.BidiStreamingClient[agentpb.Frame, agentpb.Frame]
	reset context.CancelFunc
}

// openStream opens a stream in the name of a worker.
func (p *probe) openStream(conn *grpc.ClientConn, hello *agentpb.Hello) rawStream {
	hello.Version, hello.MaxMessage = 2, 1<<20
	text, err := proto.Marshal(hello)
	p.must(err)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(background, helloKey, string(text)))
	stream, err := agentpb.NewAgentClient(conn).Connect(ctx)
	p.must(err)
	return rawStream{p, stream, cancel}
}

func (s rawStream) send(f *agentpb.Frame) { s.must(s.Send(f)) }

// until receives frames up to one of the kind.
func (s rawStream) until(kind agentpb.Kind) {
	for f := new(agentpb.Frame); f.GetKind() != kind; {
		var err error
		f, err = s.Recv()
		s.must(err)
	}
}

// ring opens a ring to the worker, as a worker would, and returns the head of the ring's file.
func (s rawStream) ring(sender *shm.Sender) (*shm.RingWriter, []byte) {
	place, ok := sender.Put(nil)
	s.check(ok, "no shared memory")
	s.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_OFFER, Place: regionMessage(place)})
	s.until(agentpb.Kind_KIND_INVITE)
	ring, place, ok := sender.OpenRing(func() error { return nil })
	s.check(ok, "no ring")
	head, err := unix.Mmap(place.FD, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	s.must(err)
	s.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_RING, Place: regionMessage(place)})
	s.until(agentpb.Kind_KIND_READY)
	s.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_SWITCH})
	return ring, head
}

func regionMessage(p shm.Region) *agentpb.Place {
	return &agentpb.Place{Pid: uint64(p.PID), Fd: uint64(p.FD), File: p.File, Capacity: uint64(p.Capacity), Generation: p.Generation}
}

func ringDeaf(p *probe) {
	const times, asleep = 70, 128 // more times than there are rings; the place in a ring's head that counts the readers that sleep
	agents := p.agents(agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	conn := p.connect(agents[0])
	var incarnation uint64
	open := func() (ring *shm.RingWriter, sleepers *atomic.Uint32, hangUp func()) {
		incarnation++
		s := p.openStream(conn, &agentpb.Hello{Name: "w1", Rank: 1, Incarnation: incarnation, Nonce: shm.NewNonce(), Shared: 1 << 30})
		header, err := s.Header()
		p.must(err)
		var hello agentpb.Hello
		values := header.Get(helloKey)
		if len(values) == 0 {
			p.must(s.RecvMsg(&agentpb.Frame{})) // the stream was refused; its end says why
		}
		p.must(proto.Unmarshal([]byte(values[0]), &hello))
		sender, err := shm.NewSender(hello.GetNonce(), 1<<30)
		p.must(err)
		ring, head := s.ring(sender)
		return ring, (*atomic.Uint32)(unsafe.Pointer(&head[asleep])), func() {
			s.reset()
			sender.Close()
			p.must(unix.Munmap(head))
		}
	}
	deafen := func() {
		_, sleepers, hangUp := open()
		p.until("the reader sleeps", func() bool { return sleepers.CompareAndSwap(1, 0) })
		hangUp()
	}
	deafen()
	threads, files := count("/proc/self/task"), count("/proc/self/fd")
	for range times - 1 {
		deafen()
	}
	p.until("the threads are back", func() bool { return count("/proc/self/task") <= threads+8 }) // Go's runtime starts some threads itself
	p.until("the descriptors are back", func() bool { return count("/proc/self/fd") <= files })
	_, sleepers, hangUp := open()
	p.until("the last ring is read", func() bool { return sleepers.Load() == 1 })
	hangUp()
	ctx, cancel := context.WithTimeout(background, 30*time.Second)
	defer cancel()
	_, err := agents[0].Shutdown(ctx)
	p.check(err == nil, "Shutdown: %v", err)
	p.did("all rings were given back")
}

func count(folder string) int {
	names, _ := os.ReadDir(folder)
	return len(names)
}

// heap is how much memory of Go's heap is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
