package transport_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// fakeStream is the called side of a stream on which a peer says something and goes. The kinds of the answers are kept.
type fakeStream struct {
	grpc.ServerStream
	ctx  context.Context
	said []*frame.Frame
	sent []agentpb.Kind
}

// newFakeStream is a stream from an address on which the peer says something.
func newFakeStream(ctx context.Context, from net.Addr, said ...*frame.Frame) *fakeStream {
	return &fakeStream{ctx: peer.NewContext(ctx, &peer.Peer{Addr: from}), said: said}
}

func (s *fakeStream) Context() context.Context     { return s.ctx }
func (s *fakeStream) SendHeader(metadata.MD) error { return nil }

func (s *fakeStream) SendMsg(m any) error {
	s.sent = append(s.sent, m.(*frame.Frame).Kind)
	return nil
}

func (s *fakeStream) RecvMsg(m any) error {
	if len(s.said) == 0 {
		return io.EOF
	}
	*m.(*frame.Frame) = *s.said[0]
	s.said = s.said[1:]
	return nil
}

// callee is a worker whose callers are fake streams. It keeps the requests that it executes.
type callee struct {
	*worker
	calls    atomic.Uint64 // numbers of requests, which rise
	executed chan *transport.Request
}

func newCallee(t testing.TB, o options) *callee {
	return &callee{worker: startWorker(t, "w0", echo, o), executed: make(chan *transport.Request, 1)}
}

func (c *callee) Execute(r *transport.Request) (transport.Reply, *rpcerr.Error) {
	c.executed <- r
	return transport.Reply{}, nil
}

// receive has a peer send a request whose body has the sizes and comes in parts. It returns the request if that was
// executed, and why the stream ended.
func (c *callee) receive(t testing.TB, sizes []uint64, parts [][]byte) (*transport.Request, error) {
	id := c.calls.Add(1)
	said := []*frame.Frame{{Kind: agentpb.Kind_KIND_REQUEST, Call: id, Method: agentpb.Method_METHOD_CALL, Sizes: sizes}}
	for _, part := range parts {
		said = append(said, &frame.Frame{Kind: agentpb.Kind_KIND_CHUNK, Call: id, Data: [][]byte{part}})
	}
	begun := &beginnings{callee: c}
	err := c.Serve(context.Background(), newFakeStream(t.Context(), &net.UnixAddr{}, said...), someCaller(), begun)
	if begun.n.Load() == 0 {
		return nil, err
	}
	return <-c.executed, err
}

// someCaller is who is at the other end of a fake stream.
func someCaller() transport.Caller {
	return transport.Caller{Name: "w1", Hello: &agentpb.Hello{
		Version: security.ProtocolVersion, Name: "w1", Incarnation: 1, MaxMessage: 1 << 30, Nonce: shm.NewNonce(), Shared: 1 << 30}}
}

// beginnings counts the requests that will be executed.
type beginnings struct {
	*callee
	n atomic.Int64
}

func (b *beginnings) Begin(*transport.Request) *rpcerr.Error {
	b.n.Add(1)
	return nil
}
