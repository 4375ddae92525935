package security_test

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
)

func TestListener_noMoreThanTheLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := security.NewListener(l, security.Admission{Connections: 2, Pending: 10, Handshake: time.Minute})
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
	first.(interface{ Admit() }).Admit()
	dial()
	second, err := d.Accept()
	require.NoError(t, err)
	second.(interface{ Admit() }).Admit()
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
	assert.Equal(t, security.ListenerStats{Rejected: 1}, d.Stats())
}

// TestNew_addresses: what is reached on this machine only is not exposed.
func TestNew_addresses(t *testing.T) {
	for address, local := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.9.9.9:1": true,
		"0.0.0.0:1": false, ":1": false, "192.0.2.1:1": false, "localhost.example:1": false, "nonsense": false} {
		_, err := security.New(security.Config{Name: "w0", Logger: slog.New(slog.DiscardHandler), Exposure: security.Exposure{
			Listener: &net.UnixAddr{}, Calls: []security.Call{{What: "calls worker w1", Address: address}},
		}})
		if local {
			assert.NoError(t, err, address)
		} else {
			assert.ErrorIs(t, err, security.ErrInsecure, address)
			assert.ErrorContains(t, err, "the agent calls worker w1 at "+address+", beyond this machine")
		}
	}
}
