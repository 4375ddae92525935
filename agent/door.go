package agent

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// door is the listener, with a bouncer: it bounds how many connections there are, and how many of them, and
// for how long, belong to peers that have not proved who they are. When there are too many of these, the one
// that has been at it longest goes, so that those who open connections and do nothing keep nobody out.
type door struct {
	net.Listener
	limits Limits

	mu        sync.Mutex
	open      int
	strangers *list.List // of *guest, the oldest first
	turned    uint64     // connections closed by the door
	closed    bool
}

func newDoor(l net.Listener, limits Limits) *door {
	return &door{Listener: l, limits: limits, strangers: list.New()}
}

// guest is a connection that came in.
type guest struct {
	net.Conn
	door  *door
	timer *time.Timer

	place  *list.Element // guarded by door.mu; nil once admitted or closed
	closed bool          // guarded by door.mu
}

// Accept returns the next connection that finds room.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g, oldest := d.enter(conn)
		if oldest != nil {
			_ = oldest.Close()
		}
		if g != nil {
			return g, nil
		}
		_ = conn.Close()
	}
}

// enter makes room for a connection; oldest is whom it has to be taken from.
func (d *door) enter(conn net.Conn) (g, oldest *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil
	}
	if d.strangers.Len() >= d.limits.Strangers {
		oldest = d.strangers.Front().Value.(*guest)
		d.turned++
	}
	if d.open >= d.limits.Connections && oldest == nil {
		d.turned++
		return nil, nil
	}
	g = &guest{Conn: conn, door: d}
	g.place = d.strangers.PushBack(g)
	g.timer = time.AfterFunc(d.limits.Handshake, g.expire)
	d.open++
	return g, oldest
}

// Close lets nobody in any more, and has those go who have not proved who they are: the server's end waits for handshakes, and
// who says nothing would hold it up.
func (d *door) Close() error {
	err := d.Listener.Close()
	d.mu.Lock()
	d.closed = true
	var left []*guest
	for e := d.strangers.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(*guest))
	}
	d.mu.Unlock()
	for _, g := range left {
		_ = g.Close()
	}
	return err
}

// admit notes that the peer has proved who it is.
func (g *guest) admit() {
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	if g.place != nil {
		g.timer.Stop()
		g.door.strangers.Remove(g.place)
		g.place = nil
	}
}

// expire closes a connection whose time to prove itself is up.
func (g *guest) expire() {
	g.door.mu.Lock()
	late := g.place != nil
	if late {
		g.door.turned++
	}
	g.door.mu.Unlock()
	if late {
		_ = g.Close()
	}
}

// Close closes the connection and gives its place free.
func (g *guest) Close() error {
	g.door.mu.Lock()
	if !g.closed {
		g.closed = true
		g.door.open--
		g.timer.Stop()
		if g.place != nil {
			g.door.strangers.Remove(g.place)
			g.place = nil
		}
	}
	g.door.mu.Unlock()
	return g.Conn.Close()
}
