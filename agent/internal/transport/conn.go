package transport

import (
	"context"
	"fmt"

	"google.golang.org/grpc/peer"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// conn is one stream between two workers, from its opening to its end: what both sides of it do alike. Frames come from
// the stream, and from shared memory once the peer says so.
type conn struct {
	stream frameStream
	out    *sender
	shared *sharedMemory
	side   side
	beside reader // of what the peer sends beside the stream, nil until it says so; the goroutine's that reads the stream
}

// frameStream is a stream of grpc.
type frameStream interface {
	Context() context.Context
	SendMsg(m any) error
	RecvMsg(m any) error
}

// side is what the calling and the called side of a conn do differently.
type side interface {
	// handle takes a frame that is about a call. It sets Region to nil if it takes the body there. An error ends the conn.
	handle(f *frame.Frame) error
	// sendControl sends a message that is about no call. It fails with the stream.
	sendControl(o *message)
	ringSide
}

// reader takes in frames in place of the goroutine that reads the stream.
type reader interface {
	// hurry is for a peer that has no more room for frames that were not read.
	hurry()
	// drain takes in what the peer said before the stream ended. Its error is a reason for that end.
	drain() error
}

// read takes in what the peer sends until the stream ends, and returns why it did. Once
// frames come beside the stream it only sees that the peer lives.
func (c *conn) read() error {
	if p, ok := peer.FromContext(c.stream.Context()); ok {
		c.shared.begin(p.Addr)
	}
	var err error
	for err == nil {
		var f frame.Frame
		if err = c.stream.RecvMsg(&f); err == nil {
			c.out.heard()
			err = c.fromStream(&f)
			f.Free()
		}
	}
	if c.beside != nil {
		if drained := c.beside.drain(); drained != nil {
			return drained
		}
	}
	return err
}

// fromStream takes one frame of the stream. An error ends the conn.
func (c *conn) fromStream(f *frame.Frame) error {
	switch {
	case f.Kind == agentpb.Kind_KIND_SWITCH && c.beside != nil:
		c.beside.hurry()
		return nil
	case f.Kind == agentpb.Kind_KIND_SWITCH:
		var err error
		c.beside, err = c.shared.switched(c.side)
		return err
	case c.beside != nil:
		return fmt.Errorf("%w: a frame of kind %v beside the ring", frame.ErrProtocol, f.Kind)
	}
	return c.handle(f)
}

// fromBeside takes one frame that did not come by the stream. An error ends the conn.
func (c *conn) fromBeside(f *frame.Frame) error {
	c.out.heard()
	err := c.handle(f)
	f.Free()
	return err
}

func (c *conn) handle(f *frame.Frame) error {
	if c.shared.negotiate(f) {
		return nil
	}
	defer func() { c.shared.free(f.Region) }() // unless the side takes it
	return c.side.handle(f)
}
