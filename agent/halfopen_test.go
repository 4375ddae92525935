package agent_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/gopyrpc/gopyrpc/agent"
)

// cable is a connection that can go dead without either end being told, as when a machine loses power.
type cable struct {
	net.Conn
	cut    chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (c *cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.cut:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *cable) Write(p []byte) (int, error) {
	select {
	case <-c.cut:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *cable) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A peer that has vanished without a word is noticed by both sides, in the time that Keepalive says.
func TestConnection_halfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := bufconn.Listen(1 << 20)
		cut := make(chan struct{})
		dial := func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := there.DialContext(ctx)
			return &cable{Conn: conn, cut: cut, closed: make(chan struct{})}, err
		}
		entered, left := make(chan struct{}), make(chan error, 1)
		hold := agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
			close(entered)
			<-ctx.Done()
			left <- ctx.Err()
			return agent.Reply{}, ctx.Err()
		})
		quiet := slog.New(slog.DiscardHandler)
		peers := []agent.Worker{{"w0", 0, "127.0.0.1:1"}, {"w1", 1, "127.0.0.1:2"}}
		a, err := agent.New(agent.Config{Name: "w0", Peers: peers, Executor: echo, Listener: bufconn.Listen(1), Dial: dial, Keepalive: 10 * time.Second, Logger: quiet})
		require.NoError(t, err)
		b, err := agent.New(agent.Config{Name: "w1", Rank: 1, Peers: peers, Executor: hold, Listener: there, Keepalive: 10 * time.Second, Logger: quiet})
		require.NoError(t, err)
		var serving sync.WaitGroup
		serving.Go(func() { assert.NoError(t, a.Serve()) })
		serving.Go(func() { assert.NoError(t, b.Serve()) })

		f := a.CallAsync(context.Background(), "w1", agent.Request{})
		<-entered
		close(cut)
		begin := time.Now()
		_, err = f.Wait(context.Background())
		assert.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
		assert.Error(t, <-left)
		assert.LessOrEqual(t, time.Since(begin), time.Minute)

		_, err = a.Shutdown(context.Background())
		assert.NoError(t, err)
		_, err = b.Shutdown(context.Background())
		assert.NoError(t, err)
		serving.Wait()
	})
}
