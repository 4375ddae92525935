package pyworker

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// twoListeners accepts at the address at which a group meets, and at one of the worker's own, which is its address. The first is
// given back when the group is complete: a process group of torch's may want the port next.
type twoListeners struct {
	net.Listener // the worker's own
	meeting      net.Listener

	accepted chan accepted
	closed   chan struct{}
	once     sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

// listenAtBoth is for a worker that is lent the address of the meeting.
func (m *meetingPlace) listenAtBoth(config *Config) error {
	meeting, err := net.Listen("tcp", m.address)
	if err != nil {
		return fmt.Errorf("worker 0 cannot listen at %s: %w", m.address, err)
	}
	own, err := net.Listen("tcp", net.JoinHostPort(m.host, "0"))
	if err != nil {
		_ = meeting.Close()
		return fmt.Errorf("worker 0 cannot listen on %s: %w", m.host, err)
	}
	m.both = &twoListeners{Listener: own, meeting: meeting, accepted: make(chan accepted), closed: make(chan struct{})}
	config.Listener = m.both
	go m.both.acceptFrom(own)
	go m.both.acceptFrom(meeting)
	return nil
}

// acceptFrom hands connections to Accept until the listener is closed, and other errors: one such as EMFILE passes, and
// the server tries again.
func (l *twoListeners) acceptFrom(from net.Listener) {
	for {
		conn, err := from.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case l.accepted <- accepted{conn, err}:
		case <-l.closed:
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
	}
}

// Accept returns the next connection of either.
func (l *twoListeners) Accept() (net.Conn, error) {
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close closes both.
func (l *twoListeners) Close() error {
	l.once.Do(func() { close(l.closed) })
	_ = l.meeting.Close()
	return l.Listener.Close()
}

// giveBack closes the listener at the address of the meeting. Connections that came by it stay.
func (m *meetingPlace) giveBack() {
	if m.both != nil {
		_ = m.both.meeting.Close()
	}
}
