package transport

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	window       = 4 << 20   // how much a peer may send ahead of its reader, which never pauses
	ioChunk      = 128 << 10 // what is read and written at a time
	controlSlots = 64        // how many messages about no call may wait besides those of calls; there are never so many
)

// Connect opens a connection to a worker. An empty name is a coordinator's of which only the address is known.
// Why says what an attempt failed with: of what the network and TLS say grpc passes on the text at best.
func (t *Transport) Connect(name, address string) (conn *grpc.ClientConn, why func(error) error, err error) {
	creds, err := t.config.Security.ClientCredentials(name, address)
	if err != nil {
		return nil, nil, err
	}
	refused := new(atomic.Bool)
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(frame.NewCodec()), grpc.MaxCallRecvMsgSize(frame.MaxSize), grpc.MaxCallSendMsgSize(frame.MaxSize)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: t.config.Keepalive, Timeout: t.keepaliveTimeout(), PermitWithoutStream: true,
		}),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
		grpc.WithReadBufferSize(ioChunk), grpc.WithWriteBufferSize(ioChunk),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := t.dialContext(ctx, address)
			refused.Store(errors.Is(err, syscall.ECONNREFUSED))
			return conn, err
		}),
		grpc.WithDisableRetry(),         // a request that may have run is never sent again
		grpc.WithDisableServiceConfig(), // nor is behaviour taken from DNS
		grpc.WithIdleTimeout(0),
	}
	conn, err = grpc.NewClient("passthrough:///"+address, opts...)
	return conn, func(err error) error {
		if refused.Load() {
			return rpcerr.Errorf(codes.Unavailable, "nothing listens at %s: %w", address, ErrRefused)
		}
		return creds.Why(err)
	}, err
}

// ErrRefused is for a worker at whose address nothing listens: not yet, or not any more.
var ErrRefused = errors.New("connection refused")

// dialContext connects directly: what the environment says of proxies is for the web.
func (t *Transport) dialContext(ctx context.Context, address string) (net.Conn, error) {
	if t.config.Dial != nil {
		return t.config.Dial(ctx, address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// dial makes a connection: the stream on it, and both sides knowing who the other is.
func (p *Peer) dial() (*clientConn, error) {
	t := p.transport
	tcp, why, err := t.Connect(p.name, p.address)
	if err != nil {
		return nil, err
	}
	nonce := t.nonce()
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(t.ctx, t.config.Hello(nonce)))
	s := &clientConn{to: p, tcp: tcp, cancel: cancel, calls: map[uint64]*Call{}}
	late := time.AfterFunc(t.config.ConnectTimeout, cancel)
	err = s.open(ctx, nonce)
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err == nil {
		return s, nil
	}
	err = why(err)
	if ctx.Err() != nil && t.ctx.Err() == nil {
		err = rpcerr.Errorf(codes.Unavailable, "no answer from %s within %v: %w", p.address, t.config.ConnectTimeout, err)
	}
	cancel()
	_ = tcp.Close()
	return nil, err
}

// open opens the stream and checks who answers.
func (s *clientConn) open(ctx context.Context, nonce []byte) error {
	stream, err := agentpb.NewAgentClient(s.tcp).Connect(ctx)
	if err != nil {
		return err
	}
	header, err := stream.Header()
	if err != nil {
		return err
	}
	values := header.Get(security.HelloKey)
	if len(values) == 0 { // the stream was refused; its end says why
		if err := stream.RecvMsg(&frame.Frame{}); err != nil {
			return err
		}
	}
	if s.peer, err = security.ReadHello(values); err != nil {
		return err
	}
	if got := s.peer.GetName(); got != s.to.name {
		return rpcerr.Errorf(codes.FailedPrecondition, "at %s there is worker %s, not %s", s.to.address, got, s.to.name)
	}
	if err := s.to.transport.config.Security.CheckProved(stream, s.peer); err != nil {
		return err
	}
	t := s.to.transport
	fail := func(err error) {
		if !errors.Is(err, errOver) {
			go s.end(err)
		}
	}
	s.stream, s.side = stream, s
	s.replies.Store(&byStream)
	s.shared = t.newSharedMemory(nonce, s.peer, stream, s.sendControl)
	s.out = newSender(t.writerOf(stream), fail, t.limits.QueuePerPeer, t.limits.CallsPerPeer+controlSlots, &t.queue)
	return nil
}
