package agent

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
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	window       = 4 << 20   // how much a peer may send ahead of its reader, which never pauses
	ioChunk      = 128 << 10 // what is read and written at a time
	controlSlots = 64        // how many messages about no call may wait besides those of calls; there are never so many
)

// connect opens a connection to a worker. An empty name is a coordinator's of which only the address is known.
// Why says what an attempt failed with: of what the network and TLS say grpc passes on the text at best.
func (a *Agent) connect(name, address string) (conn *grpc.ClientConn, why func(error) error, err error) {
	creds, err := a.security.ClientCredentials(name, address)
	if err != nil {
		return nil, nil, err
	}
	refused := new(atomic.Bool)
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(a.codec), grpc.MaxCallRecvMsgSize(frame.MaxSize), grpc.MaxCallSendMsgSize(frame.MaxSize)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: a.config.Keepalive, Timeout: a.keepaliveTimeout(), PermitWithoutStream: true,
		}),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
		grpc.WithReadBufferSize(ioChunk), grpc.WithWriteBufferSize(ioChunk),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := a.dialContext(ctx, address)
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
			return failure(codes.Unavailable, "nothing listens at %s: %w", address, errRefused)
		}
		return creds.Why(err)
	}, err
}

// errRefused is for a worker at whose address nobody listens: not yet, or not any more.
var errRefused = errors.New("connection refused")

// dialContext connects directly: what the environment says of proxies is for the web.
func (a *Agent) dialContext(ctx context.Context, address string) (net.Conn, error) {
	if a.config.Dial != nil {
		return a.config.Dial(ctx, address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func (a *Agent) keepaliveTimeout() time.Duration { return max(a.config.Keepalive/2, 5*time.Second) }

// dial makes a session: a connection, the stream on it, and both sides knowing who the other is.
func (a *Agent) dial(l *link) (*clientConn, error) {
	conn, why, err := a.connect(l.to.Name, l.to.Address)
	if err != nil {
		return nil, err
	}
	nonce := a.nonce()
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(a.ctx, a.hello(nonce)))
	s := &clientConn{link: l, tcp: conn, cancel: cancel, calls: map[uint64]*clientCall{}}
	s.side = s
	s.replies.Store(&byStream)
	late := time.AfterFunc(a.config.ConnectTimeout, cancel)
	err = s.open(ctx)
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err == nil {
		s.shared = newSharedMemory(a, nonce, s.peer, s.stream)
		s.shared.sendControl = s.sendControl
		return s, nil
	}
	err = why(err)
	if ctx.Err() != nil && a.ctx.Err() == nil {
		err = failure(codes.Unavailable, "no answer from %s within %v: %w", l.to.Address, a.config.ConnectTimeout, err)
	}
	cancel()
	_ = conn.Close()
	return nil, err
}

// open opens the stream and checks who answers.
func (s *clientConn) open(ctx context.Context) error {
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
	if got := s.peer.GetName(); got != s.link.to.Name {
		return failure(codes.FailedPrecondition, "at %s there is worker %s, not %s", s.link.to.Address, got, s.link.to.Name)
	}
	if err := s.link.agent.security.CheckProved(stream, s.peer); err != nil {
		return err
	}
	s.stream = stream
	a := s.link.agent
	fail := func(err error) {
		if !errors.Is(err, errOver) {
			go s.end(err)
		}
	}
	s.out = newSender(streamWriter{stream}, fail, a.limits.QueuePerPeer, a.limits.CallsPerPeer+controlSlots, s.link.queue)
	return nil
}
