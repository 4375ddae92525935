package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// maxRefusals is how many messages may wait for a peer when it is refused something.
const maxRefusals = 1024

// serverConn is one stream from a peer, seen by the side that is called.
type serverConn struct {
	conn
	agent   *Agent
	peer    Peer
	guest   bool   // no worker of the group: it may call, and nothing else
	callsAs string // its key among the origins
	origin  *origin
	ctx     context.Context // of everything that is executed for the stream
	cancel  context.CancelCauseFunc
	kicked  chan error // why the stream must end

	serving  quota.Budget // requests in execution, or arriving
	control  quota.Budget // of them, the agents' own talk
	incoming quota.Budget // bytes of requests that are held

	mu      sync.Mutex
	running map[uint64]*serverCall

	requests requestsReader
}

// run serves the stream until it ends or is ended.
func (in *serverConn) run() error {
	read := make(chan error, 1)
	in.agent.tasks.Go(func() {
		err := in.readAll() // ends, at the latest, when this function has returned
		in.discard()
		if in.shared.invited {
			in.agent.rings.Release(1)
		}
		read <- err
	})
	var err error
	select {
	case err = <-read:
	case err = <-in.kicked:
	}
	in.cancel(err)
	in.out.close(failure(codes.Unavailable, "the connection ended"))
	if errors.Is(err, frame.ErrProtocol) {
		in.agent.log.Warn("agent: a peer broke the protocol", "peer", in.peer.Name, "address", in.peer.Address, "err", err)
		return failure(codes.InvalidArgument, "%w", err)
	}
	return err
}

// sendControl sends what is about no call. It fails with the stream.
func (in *serverConn) sendControl(o *message) { _ = in.out.submit(o, nil) }

// kick ends the stream from this side.
func (in *serverConn) kick(why error) {
	select {
	case in.kicked <- why:
	default: // it is going already
	}
}

// readAll reads until the stream ends, which the peer may have wanted.
func (in *serverConn) readAll() error {
	if err := in.read(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// handle takes one frame. It never waits for anything but the writing of a small refusal, so that a peer cannot
// hold up its own other calls. An error ends the stream.
func (in *serverConn) handle(f *frame.Frame) error {
	switch f.Kind {
	case agentpb.Kind_KIND_REQUEST:
		return in.request(f)
	case agentpb.Kind_KIND_CHUNK:
		in.mu.Lock()
		c := in.running[f.Call]
		in.mu.Unlock()
		if c == nil {
			return nil // it was refused
		}
		return in.gather(c, f)
	case agentpb.Kind_KIND_CANCEL:
		in.canceled(f.Call)
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %v from the calling side", frame.ErrProtocol, f.Kind)
}

// request begins to take in a request, and starts it if that is all of it.
func (in *serverConn) request(f *frame.Frame) error {
	if err := in.origin.number(f.Call); err != nil {
		return err
	}
	if f.Region != nil && len(f.Data) > 0 {
		return fmt.Errorf("%w: a body here and there", frame.ErrProtocol)
	}
	c := &serverCall{id: f.Call, method: methodOf(f.Method), detail: f.Detail}
	if in.guest && !c.method.guests {
		in.refuse(c.id, failure(codes.PermissionDenied, "%s is a guest here (Config.Guests, --guest): it may call, and nothing else", in.peer.Name))
		return nil
	}
	if len(f.Sizes) > 0 && !c.method.hasBody { // nobody would read it, or give the memory back that it is lent in
		return fmt.Errorf("%w: a body with %v", frame.ErrProtocol, f.Method)
	}
	if !c.method.limited {
		if !in.control.TryAcquire(1) {
			in.refuse(c.id, failure(codes.ResourceExhausted, "too many requests about RRefs at once"))
			return nil
		}
	} else if err := in.acquire(c, f); err != nil {
		in.refuse(c.id, err)
		return nil
	}
	c.body = newAssembly(f.Sizes, c.total)
	c.place = f.Region
	if f.Timeout > 0 {
		c.ctx, c.cancel = context.WithTimeout(in.ctx, f.Timeout)
	} else {
		c.ctx, c.cancel = context.WithCancel(in.ctx)
	}
	in.mu.Lock()
	in.running[c.id] = c
	in.mu.Unlock()
	return in.gather(c, f)
}

func (in *serverConn) gather(c *serverCall, f *frame.Frame) error {
	if c.begun { // an empty part would run it again
		return fmt.Errorf("%w: a part of a body that was complete", frame.ErrProtocol)
	}
	if err := c.body.add(f.Data); err != nil {
		return err
	}
	if c.place == nil && !c.body.complete() {
		return nil
	}
	if c.method.early != nil { // the body is needed at once
		f.Region = nil
		if err := in.copyOut(c, false); err != nil {
			return err
		}
	}
	if err := in.agent.activity.Serve(c.method.barrier); err != nil {
		in.forget(c)
		in.release(c)
		in.refuse(c.id, err)
		return nil
	}
	c.begun = true
	f.Region = nil
	if c.method.early != nil {
		c.early = c.method.early(in.agent, &in.peer, c.body.body, c.detail)
	}
	in.requests.execute(c)
	return nil
}

// copyOut takes the body from shared memory, where it is there.
func (in *serverConn) copyOut(c *serverCall, zeroCopy bool) error {
	if c.place == nil {
		return nil
	}
	place := c.place
	c.place = nil
	return in.shared.read(place, c.body, zeroCopy)
}

// forget takes a call out of the table, and says whether it was there.
func (in *serverConn) forget(c *serverCall) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, ok := in.running[c.id]
	delete(in.running, c.id)
	c.cancel()
	return ok
}

// canceled ends what the caller no longer waits for.
func (in *serverConn) canceled(id uint64) {
	in.mu.Lock()
	c := in.running[id]
	if c == nil {
		in.mu.Unlock()
		return
	}
	c.canceled = true
	arriving := !c.begun
	if arriving {
		delete(in.running, id)
	}
	in.mu.Unlock()
	c.cancel()
	if arriving {
		in.release(c)
	}
}

// discard gives up the requests whose execution will never begin.
func (in *serverConn) discard() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for id, c := range in.running {
		if !c.begun {
			delete(in.running, id)
			c.cancel()
			in.release(c)
		}
	}
}
