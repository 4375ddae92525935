package agent_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// Connections on which nothing comes count for a while, and keep no other peer out.
func TestAdmission_slowLoris(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Limits: agent.Limits{PendingConnections: 5, Connections: 50}}, agent.Config{Name: "w2"})
	address := agents[1].Addr().String()
	_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
	require.NoError(t, err)
	for i := range 60 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // closed by the listener, mostly
		if i%2 == 0 {
			_, _ = conn.Write([]byte("PRI * HTT")) // and never the rest
		}
	}
	_, err = agents[2].Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err, "a peer that was not here before gets in")
	_, err = agents[0].Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err, "a peer that was here notices nothing")
	assert.Eventually(t, func() bool {
		s := agents[1].Stats()
		return s.Connections <= 5+2 && s.TurnedAway >= 55
	}, patience, pollInterval)
	assert.LessOrEqual(t, agents[1].Stats().Pending, 5)
}

func TestAdmission_pendingConnectionsAreClosedInTime(t *testing.T) {
	a := start(t, agent.Config{Name: "w0", Token: &agent.Token{Value: secret}, Limits: agent.Limits{Handshake: 5e7}})[0]
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
	}, patience, pollInterval)
	assert.Eventually(t, func() bool { return a.Stats().Connections == 0 }, patience, pollInterval)
	assert.GreaterOrEqual(t, a.Stats().TurnedAway, uint64(1))
}

// A peer that says nothing, or half of what it must, does not keep the agent from ending.
func TestAdmission_pendingConnectionsDoNotHoldUpTheEnd(t *testing.T) {
	for _, said := range []string{"", "PRI * HTT", handshake.Magic, handshake.Magic + "\x01"} {
		a := start(t, agent.Config{Name: "w0", Token: &agent.Token{Value: secret}, Limits: agent.Limits{Handshake: 100 * time.Hour}})[0]
		conn, err := net.Dial("tcp", a.Addr().String())
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // the other side does
		_, err = conn.Write([]byte(said))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return a.Stats().Connections == 1 }, patience, pollInterval)
		_, err = a.Shutdown(testContext(t))
		assert.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		for err == nil { // the server's settings
			_, err = conn.Read(make([]byte, 100))
		}
		assert.Zero(t, a.Stats().Connections)
	}
}
