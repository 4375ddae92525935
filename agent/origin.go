package agent

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
)

// maxRetired is how many former incarnations of a worker are remembered.
const maxRetired = 16

// origin is one life of a peer: what it has asked for is counted over all its streams.
type origin struct {
	incarnation uint64
	last        atomic.Uint64 // the last call's number
}

// number takes note of a call's number. Numbers rise; one that does not has been here before, and a
// request is executed at most once.
func (o *origin) number(id uint64) error {
	for {
		last := o.last.Load()
		if id <= last {
			return fmt.Errorf("%w: request %d comes after request %d", frame.ErrProtocol, id, last)
		}
		if o.last.CompareAndSwap(last, id) {
			return nil
		}
	}
}

// origins are the peers that call this agent, by name.
type origins struct {
	mu     sync.Mutex
	byName map[string]*callerEntry
	closed error
}

// calling is one peer that calls.
type callerEntry struct {
	current *origin
	stream  *serverConn // nil while there is none
	retired []uint64    // former incarnations, the oldest first
}

// enter makes a stream its worker's current one, and ends the one before: the peer would not open another
// if that still worked. A worker that was started again replaces its former life; the former life
// cannot come back, which is also what the second of two workers with one name does to the first.
func (o *origins) enter(in *serverConn, incarnation uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return o.closed
	}
	in.callsAs = in.peer.Name
	if in.guest {
		in.callsAs = fmt.Sprintf("%s#%d", in.peer.Name, incarnation) // no worker has such a name
	}
	c := o.byName[in.callsAs]
	if c == nil {
		c = &callerEntry{}
		o.byName[in.callsAs] = c
	}
	if slices.Contains(c.retired, incarnation) {
		return replacedError(in.peer.Name)
	}
	if c.current == nil || c.current.incarnation != incarnation {
		if c.current != nil {
			c.retired = append(c.retired, c.current.incarnation)
			if len(c.retired) > maxRetired {
				c.retired = c.retired[1:]
			}
		}
		c.current = &origin{incarnation: incarnation}
	}
	if c.stream != nil {
		c.stream.kick(failure(codes.Unavailable, "replaced by a newer connection of worker %s", in.peer.Name))
	}
	c.stream = in
	in.origin = c.current
	return nil
}

// replacedError is what a former life of a worker is told.
func replacedError(name string) *Error {
	return failure(codes.AlreadyExists, "another worker named %s has come since: this one was restarted, or two have the same name", name)
}

// connected is the incarnation of a worker that has a stream here; 0 if there is none.
func (o *origins) connected(name string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.byName[name]; c != nil && c.stream != nil {
		return c.current.incarnation
	}
	return 0
}

// isRetired says whether an incarnation of a worker is a former one.
func (o *origins) isRetired(name string, incarnation uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.byName[name]
	return c != nil && slices.Contains(c.retired, incarnation)
}

// leave forgets a stream that has ended.
func (o *origins) leave(in *serverConn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.byName[in.callsAs]; c != nil && c.stream == in {
		c.stream = nil
		if in.guest { // nobody waits for its return
			delete(o.byName, in.callsAs)
		}
	}
}

// close refuses further streams, and returns those there are.
func (o *origins) close(err error) []*serverConn {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = err
	var streams []*serverConn
	for _, c := range o.byName {
		if c.stream != nil {
			streams = append(streams, c.stream)
		}
	}
	return streams
}
