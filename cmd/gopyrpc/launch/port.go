package launch

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// meeting is where the workers meet: where the user said, or at a port that is kept for them.
type meeting struct {
	env  []string
	kept int // a socket, or -1
}

func newMeeting() (*meeting, error) {
	if os.Getenv("MASTER_ADDR") != "" && os.Getenv("MASTER_PORT") != "" {
		return &meeting{kept: -1}, nil
	}
	kept, port, err := KeepPort()
	if err != nil {
		return nil, fmt.Errorf("no port for the workers to meet at: %w", err)
	}
	return &meeting{env: []string{"MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + strconv.Itoa(port)}, kept: kept}, nil
}

func (m *meeting) close() {
	if m.kept >= 0 {
		_ = syscall.Close(m.kept)
	}
}

// KeepPort finds a free port of the loopback interface, and keeps it: the kernel gives it to no other process that asks for
// any free port. The socket is bound and does not listen, and is the caller's to close. A server that asks for this very
// port with SO_REUSEADDR, as servers do, can listen there.
func KeepPort() (socket, port int, err error) {
	syscall.ForkLock.RLock() // no program starts in between, which would inherit the socket
	socket, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, 0, err
	}
	port, err = bindAnywhere(socket)
	if err != nil {
		_ = syscall.Close(socket)
		return -1, 0, err
	}
	return socket, port, nil
}

func bindAnywhere(socket int) (port int, err error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	address, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("a socket of IPv4 has an address of type %T", name)
	}
	return address.Port, nil
}
