package security

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// Admission bounds the connections to a listener.
type Admission struct {
	Connections int           // that are open at once; further ones are closed at once
	Pending     int           // of them, those whose peers have not proved who they are
	Handshake   time.Duration // that a peer has to prove who it is
}

// Listener is a listener with admission control: it bounds how many connections there are, and how many of them, and
// for how long, are pending, which means that their peers have not proved who they are. When too many are pending it
// closes the oldest of them, so that peers that open connections and do nothing keep no other peer out.
type Listener struct {
	net.Listener
	limits Admission

	mu       sync.Mutex
	open     int        // guarded by mu
	pending  *list.List // guarded by mu; of *pendingConn, the oldest first
	rejected uint64     // guarded by mu; connections that the listener closed
	closed   bool       // guarded by mu
}

// NewListener puts admission control before the connections of l.
func NewListener(l net.Listener, limits Admission) *Listener {
	return &Listener{Listener: l, limits: limits, pending: list.New()}
}

// ListenerStats are the connections to a listener.
type ListenerStats struct {
	Open, Pending int    // now; Pending are among Open
	Rejected      uint64 // closed by the listener so far
}

// Stats returns the counts.
func (l *Listener) Stats() ListenerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ListenerStats{Open: l.open, Pending: l.pending.Len(), Rejected: l.rejected}
}

// pendingConn is a connection that came in. It is pending until Admit.
type pendingConn struct {
	net.Conn
	listener *Listener
	timer    *time.Timer

	place  *list.Element // guarded by listener.mu; among the pending, nil once admitted or closed
	closed bool          // guarded by listener.mu
}

// Accept returns the next connection that finds room.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, oldest := l.add(conn)
		if oldest != nil {
			_ = oldest.Close()
		}
		if c != nil {
			return c, nil
		}
		_ = conn.Close()
	}
}

// add makes room for a connection, nil if there is none. The caller must close oldest, which had to make the room.
func (l *Listener) add(conn net.Conn) (c, oldest *pendingConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil
	}
	if l.pending.Len() >= l.limits.Pending {
		oldest = l.pending.Front().Value.(*pendingConn)
		l.rejected++
	}
	if l.open >= l.limits.Connections && oldest == nil {
		l.rejected++
		return nil, nil
	}
	c = &pendingConn{Conn: conn, listener: l}
	c.place = l.pending.PushBack(c)
	c.timer = time.AfterFunc(l.limits.Handshake, c.expire)
	l.open++
	return c, oldest
}

// Close accepts no more connections, and closes those that are pending: the server's end waits for handshakes, and a
// peer that says nothing would hold it up.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	var left []*pendingConn
	for e := l.pending.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(*pendingConn))
	}
	l.mu.Unlock()
	for _, c := range left {
		_ = c.Close()
	}
	return err
}

// Admit notes that the peer has proved who it is.
func (c *pendingConn) Admit() {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.place != nil {
		c.timer.Stop()
		c.listener.pending.Remove(c.place)
		c.place = nil
	}
}

// expire closes a connection whose time to prove itself is up.
func (c *pendingConn) expire() {
	c.listener.mu.Lock()
	late := c.place != nil
	if late {
		c.listener.rejected++
	}
	c.listener.mu.Unlock()
	if late {
		_ = c.Close()
	}
}

// Close closes the connection, which counts no more.
func (c *pendingConn) Close() error {
	c.listener.mu.Lock()
	if !c.closed {
		c.closed = true
		c.listener.open--
		c.timer.Stop()
		if c.place != nil {
			c.listener.pending.Remove(c.place)
			c.place = nil
		}
	}
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
