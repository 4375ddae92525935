package agent_test

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/test/bufconn"

	"github.com/gopyrpc/gopyrpc/agent"
)

// world is a network of agents in one process, of which any may be cut off. Its time is a bubble's.
type world struct {
	t     *testing.T
	meet  bool           // by a rendezvous at w0, instead of being told of each other
	mute  map[int]bool   // by rank, who can call and not be called
	serve agent.Executor // of all workers, where they are no keepers
	live  atomic.Int64   // values that were not released
	peers []agent.Worker
	ends  []func()
	said  logs

	mu        sync.Mutex
	listeners map[string]*bufconn.Listener // guarded by mu; by address
	off       map[string]error             // guarded by mu; by address, what who calls there gets
	conns     map[net.Conn][2]string       // guarded by mu; whom each connects
}

// inWorld runs a test with n workers, which know each other and serve.
func inWorld(t *testing.T, n int, test func(t *testing.T, w *world, agents []*agent.Agent, ks []*keeper)) {
	makeWorld(t, n, false, test)
}

// inMetWorld is inWorld with workers that a rendezvous has brought together.
func inMetWorld(t *testing.T, n int, test func(t *testing.T, w *world, agents []*agent.Agent, ks []*keeper)) {
	makeWorld(t, n, true, test)
}

func makeWorld(t *testing.T, n int, meet bool, test func(t *testing.T, w *world, agents []*agent.Agent, ks []*keeper)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, n, meet)
		var agents []*agent.Agent
		var ks []*keeper
		for i := range n {
			a, k := w.start(i)
			agents, ks = append(agents, a), append(ks, k)
		}
		for _, a := range agents {
			require.NoError(t, a.WaitReady(t.Context()))
		}
		test(t, w, agents, ks)
		w.end()
	})
}

// inWorldOf is inWorld with workers that have an executor.
func inWorldOf(t *testing.T, n int, serve agent.Executor, test func(t *testing.T, agents []*agent.Agent)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, n, false)
		w.serve = serve
		agents := make([]*agent.Agent, n)
		for i := range agents {
			agents[i], _ = w.start(i)
		}
		test(t, agents)
		w.end()
	})
}

// newWorld is one of which no worker is there yet. It is for within a bubble.
func newWorld(t *testing.T, n int, meet bool) *world {
	w := &world{t: t, meet: meet, listeners: map[string]*bufconn.Listener{}, off: map[string]error{}, conns: map[net.Conn][2]string{}}
	for i := range n {
		w.peers = append(w.peers, agent.Worker{fmt.Sprintf("w%d", i), i, fmt.Sprintf("127.0.0.1:%d", i+1)})
	}
	return w
}

// end shuts all workers down.
func (w *world) end() {
	for _, end := range w.ends {
		end()
	}
}

// start starts a worker, or a new life of it.
func (w *world) start(rank int) (*agent.Agent, *keeper) {
	self := w.peers[rank]
	l := bufconn.Listen(1 << 20)
	w.mu.Lock()
	w.listeners[self.Address] = l
	delete(w.off, self.Address)
	w.mu.Unlock()
	k := &keeper{live: &w.live, received: make(chan *agent.RRef, 100)}
	c := agent.Config{
		Name: self.Name, Rank: rank, Executor: k, Listener: l, Limits: agent.Limits{Shared: -1}, Logger: w.said.logger(),
		Dial: func(ctx context.Context, to string) (net.Conn, error) { return w.dial(ctx, self.Address, to) },
	}
	if w.serve != nil {
		c.Executor = w.serve
	}
	if w.meet {
		c.Rendezvous = &agent.Rendezvous{Address: w.peers[0].Address, WorldSize: len(w.peers), Host: rank == 0}
		c.Advertise = self.Address
	} else {
		c.Peers = w.peers
	}
	a, err := agent.New(c)
	require.NoError(w.t, err)
	k.agent = a
	served := make(chan error, 1)
	go func() { served <- a.Serve() }()
	w.ends = append(w.ends, func() {
		_, _ = a.Shutdown(w.t.Context())
		assert.NoError(w.t, <-served)
	})
	return a, k
}

func (w *world) dial(ctx context.Context, from, to string) (net.Conn, error) {
	w.mu.Lock()
	l, err := w.listeners[to], cmp.Or(w.off[from], w.off[to])
	for rank := range w.mute {
		if w.peers[rank].Address == to {
			err = cmp.Or(err, error(syscall.ECONNREFUSED))
		}
	}
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	conn, err := l.DialContext(ctx)
	if err == nil {
		w.mu.Lock()
		w.conns[conn] = [2]string{from, to}
		w.mu.Unlock()
	}
	return conn, err
}

// cut takes a worker off the network; mend brings it back.
func (w *world) cut(rank int) { w.take(rank, syscall.EHOSTUNREACH) }

// kill ends a worker's process, as far as others see.
func (w *world) kill(rank int) { w.take(rank, syscall.ECONNREFUSED) }

func (w *world) take(rank int, err error) {
	w.mu.Lock()
	w.off[w.peers[rank].Address] = err
	w.mu.Unlock()
	w.breakConnections(rank)
}

// breakConnections ends those that a worker has; others can be made.
func (w *world) breakConnections(rank int) {
	address := w.peers[rank].Address
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn, ends := range w.conns {
		if ends[0] == address || ends[1] == address {
			_ = conn.Close()
			delete(w.conns, conn)
		}
	}
}

func (w *world) mend(rank int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.off, w.peers[rank].Address)
}

// after lets so much time pass.
func (w *world) after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
