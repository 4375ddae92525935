package launch

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ipLocalPortRange is IP_LOCAL_PORT_RANGE of Linux 6.3: the ports that one socket chooses from.
const ipLocalPortRange = 51

// choose makes the kernel choose a port for a socket, of which there is one.
func choose(t *testing.T, port int) error {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer func() { _ = syscall.Close(socket) }()
	if err := syscall.SetsockoptInt(socket, syscall.IPPROTO_IP, ipLocalPortRange, port<<16|port); errors.Is(err, syscall.ENOPROTOOPT) {
		t.Skip("the kernel cannot be told which port to choose (Linux 6.3 can)")
	} else {
		require.NoError(t, err)
	}
	_, err = bindAnywhere(socket)
	return err
}

// TestKeepPort: nobody else is given the port as a free one, and who knows it can listen there, more than once.
func TestKeepPort(t *testing.T) {
	socket, port, err := KeepPort()
	require.NoError(t, err)
	for range 2 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		require.NoError(t, err)
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, l.Close())
		_, err = net.Dial("tcp", l.Addr().String())
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "it is as if nobody were there")
	}
	assert.ErrorIs(t, choose(t, port), syscall.EADDRINUSE)
	require.NoError(t, syscall.Close(socket))
	assert.NoError(t, choose(t, port), "so it was because of the socket")
}

func TestMeetingWhereTheUserSaid(t *testing.T) {
	t.Setenv("MASTER_ADDR", "there")
	t.Setenv("MASTER_PORT", "7")
	m, err := newMeeting()
	require.NoError(t, err)
	assert.Empty(t, m.env)
	m.close()
	t.Setenv("MASTER_PORT", "")
	m, err = newMeeting()
	require.NoError(t, err)
	assert.Len(t, m.env, 2)
	m.close()
}
