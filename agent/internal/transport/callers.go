package transport

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// maxRetired is how many former incarnations of a worker are remembered.
const maxRetired = 16

// incarnation is one life of a peer: what it has asked for is counted over all its streams.
type incarnation struct {
	id   uint64
	last atomic.Uint64 // the last call's number
}

// number takes note of a call's number. Numbers rise; one that does not has been here before, and a
// request is executed at most once.
func (n *incarnation) number(id uint64) error {
	for {
		last := n.last.Load()
		if id <= last {
			return fmt.Errorf("%w: request %d comes after request %d", frame.ErrProtocol, id, last)
		}
		if n.last.CompareAndSwap(last, id) {
			return nil
		}
	}
}

// callers are the peers that call this worker, by name.
type callers struct {
	mu     sync.Mutex
	byName map[string]*callerEntry // guarded by mu
	closed *rpcerr.Error           // guarded by mu
}

// callerEntry is one peer that calls.
type callerEntry struct {
	current *incarnation
	stream  *serverConn // nil while there is none
	retired []uint64    // former incarnations, the oldest first
}

// enter makes a stream its worker's current one, and ends the one before: the peer would not open another
// if that still worked. A worker that was started again replaces its former life; the former life
// cannot come back, which is also what the second of two workers with one name does to the first.
func (o *callers) enter(in *serverConn) *rpcerr.Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return o.closed
	}
	id := in.from.Hello.GetIncarnation()
	in.key = in.from.Name
	if in.from.Guest {
		in.key = fmt.Sprintf("%s#%d", in.from.Name, id) // no worker has such a name
	}
	c := o.byName[in.key]
	if c == nil {
		c = &callerEntry{}
		o.byName[in.key] = c
	}
	if slices.Contains(c.retired, id) {
		return ReplacedError(in.from.Name)
	}
	if c.current == nil || c.current.id != id {
		if c.current != nil {
			c.retired = append(c.retired, c.current.id)
			if len(c.retired) > maxRetired {
				c.retired = c.retired[1:]
			}
		}
		c.current = &incarnation{id: id}
	}
	if c.stream != nil {
		c.stream.kick(rpcerr.Errorf(codes.Unavailable, "replaced by a newer connection of worker %s", in.from.Name))
	}
	c.stream = in
	in.life = c.current
	return nil
}

// ReplacedError is what a former life of a worker is told.
func ReplacedError(name string) *rpcerr.Error {
	return rpcerr.Errorf(codes.AlreadyExists, "another worker named %s has come since: this one was restarted, or two have the same name", name)
}

// Connected is the incarnation of a worker that has a stream to this one; 0 if there is none.
func (t *Transport) Connected(name string) uint64 { return t.callers.connected(name) }

func (o *callers) connected(name string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.byName[name]; c != nil && c.stream != nil {
		return c.current.id
	}
	return 0
}

// IsRetired says whether an incarnation of a worker is a former one.
func (t *Transport) IsRetired(name string, incarnation uint64) bool {
	t.callers.mu.Lock()
	defer t.callers.mu.Unlock()
	c := t.callers.byName[name]
	return c != nil && slices.Contains(c.retired, incarnation)
}

// leave forgets a stream that has ended.
func (o *callers) leave(in *serverConn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.byName[in.key]; c != nil && c.stream == in {
		c.stream = nil
		if in.from.Guest { // nobody waits for its return
			delete(o.byName, in.key)
		}
	}
}

// close refuses further streams, and returns those there are.
func (o *callers) close(err *rpcerr.Error) []*serverConn {
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
