package agent

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// Connections of which nothing comes cost a place for a while, and keep nobody else out.
func TestDoor_slowLoris(t *testing.T) {
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1", Limits: Limits{Strangers: 5, Connections: 50}}, Config{Name: "w2"})
	address := agents[1].Addr().String()
	_, err := agents[0].Call(testContext(t), "w1", Request{})
	require.NoError(t, err)
	before := agents[1].door
	for i := range 60 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // closed by the door, mostly
		if i%2 == 0 {
			_, _ = conn.Write([]byte("PRI * HTT")) // and never the rest
		}
	}
	_, err = agents[2].Call(testContext(t), "w1", Request{})
	assert.NoError(t, err, "a peer that was not here before gets in")
	_, err = agents[0].Call(testContext(t), "w1", Request{})
	assert.NoError(t, err, "a peer that was here notices nothing")
	assert.Eventually(t, func() bool {
		s := agents[1].Stats()
		return s.Connections <= 5+2 && s.TurnedAway >= 55
	}, patience, backoffMin)
	before.mu.Lock()
	defer before.mu.Unlock()
	assert.LessOrEqual(t, before.strangers.Len(), 5)
}

func TestDoor_strangersAreClosedInTime(t *testing.T) {
	a := start(t, Config{Name: "w0", Token: &Token{Value: secret}, Limits: Limits{Handshake: 5e7}})[0]
	silent, err := net.Dial("tcp", a.Addr().String())
	require.NoError(t, err)
	defer silent.Close() //nolint:errcheck // the other side does
	for err == nil {     // the server's settings, and then the end
		_, err = silent.Read(make([]byte, 100))
	}
	// A health check proves nothing, so it buys no more time.
	conn := rawConn(t, a.Addr().String())
	require.Eventually(t, func() bool { // on a slow machine the time may be up before the first is through
		_, err = grpc_health_v1.NewHealthClient(conn).Check(testContext(t), &grpc_health_v1.HealthCheckRequest{})
		return err == nil
	}, patience, backoffMin)
	assert.Eventually(t, func() bool { return a.Stats().Connections == 0 }, patience, backoffMin)
	assert.GreaterOrEqual(t, a.Stats().TurnedAway, uint64(1))
}

// A stranger who says nothing, or half of what he must, does not keep the agent from ending.
func TestDoor_strangersDoNotHoldUpTheEnd(t *testing.T) {
	for _, said := range []string{"", "PRI * HTT", handshake.Magic, handshake.Magic + "\x01"} {
		a := start(t, Config{Name: "w0", Token: &Token{Value: secret}, Limits: Limits{Handshake: 100 * time.Hour}})[0]
		conn, err := net.Dial("tcp", a.Addr().String())
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // the other side does
		_, err = conn.Write([]byte(said))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return a.Stats().Connections == 1 }, patience, backoffMin)
		_, err = a.Shutdown(testContext(t))
		assert.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		for err == nil { // the server's settings
			_, err = conn.Read(make([]byte, 100))
		}
		assert.Zero(t, a.Stats().Connections)
	}
}

func TestDoor_noMoreThanTheLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := newDoor(l, Limits{Connections: 2, Strangers: 10, Handshake: patience})
	defer d.Close() //nolint:errcheck // a test's
	var dialed []net.Conn
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		dialed = append(dialed, c)
		return c
	}
	dial()
	first, err := d.Accept()
	require.NoError(t, err)
	first.(*guest).admit()
	dial()
	second, err := d.Accept()
	require.NoError(t, err)
	second.(*guest).admit()
	refused := dial()
	accepted := make(chan net.Conn)
	go func() {
		c, _ := d.Accept()
		accepted <- c
	}()
	_, err = refused.Read(make([]byte, 1))
	assert.Error(t, err, "closed at once")
	require.NoError(t, first.Close())
	_ = first.Close() // again: counts once
	dial()
	third := <-accepted
	require.NotNil(t, third)
	for _, c := range append(dialed, second, third) {
		_ = c.Close()
	}
	assert.Zero(t, d.open)
	assert.EqualValues(t, 1, d.turned)
}
