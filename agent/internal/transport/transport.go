// Package transport connects a worker with its peers: one [Peer] for each worker that is called, and [Transport.Serve] for
// each stream of a worker that calls. It sends calls, receives replies and requests, and cancels; what a request means is
// for a [Handler], and who may connect for package security.
//
// A stream between two workers is a conn, which has a calling side (clientConn) and a called side (serverConn). Frames are
// written by a writer and read by a reader, and those are of two kinds: a stream of grpc, or, between two processes of one
// machine, a ring in shared memory. Four files know of shared memory: shared.go has the bodies that lie in it and the
// agreement on a ring, ring.go its frames, callers_read.go and leader_followers.go the two ways to read it.
//
// Config.WrapWriter puts a [Writer] of its own in front of both: package faulty has one that drops, doubles and delays frames.
//
// A call ends exactly once. A request is executed at most once: its number is higher than those before it, over all
// streams of its worker, and none is sent a second time.
package transport

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// minPing is how often a peer may ask whether we are there. Agents ask every 10 s at most.
const minPing = 5 * time.Second

// Config is what a Transport is made of. All of it is needed but for Dial, WrapWriter and Clock.
type Config struct {
	Limits Limits
	// ZeroCopy lets the bodies of requests lie in memory that the peer can still write to, until they are freed.
	ZeroCopy       bool
	ConnectTimeout time.Duration // for one attempt
	StartTimeout   time.Duration // for how long calls wait for a worker that was never reached
	Keepalive      time.Duration // silence after which a peer is asked whether it is there
	// Dial replaces the way connections to addresses are made.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// WrapWriter replaces each writer of frames, by one that writes to it as a rule.
	WrapWriter func(Writer) Writer
	// Clock sees that goroutines which read a ring give that up where they do something else for longer than an interval.
	// A Group of the Transport's own by default.
	Clock *ticker.Group

	Security *security.Security
	// Hello is what this worker says of itself in the metadata of a stream, with the nonce of its shared memory.
	Hello func(nonce []byte) metadata.MD
	Group Group
	Log   *slog.Logger
}

// Group is what a Transport asks of the group of workers, and tells it. Its methods may be called from any goroutine.
type Group interface {
	// Complete says whether every worker was there once: one that cannot be reached any more has ended.
	Complete() bool
	// Arrived is told which life of a worker it is that was connected, in either direction, before anything is sent.
	Arrived(worker string, incarnation uint64)
	// Heard is told that a worker was there until now, before its connection counts as lost.
	Heard(worker string)
}

// Transport is what all connections of one worker have in common.
type Transport struct {
	config Config
	limits Limits
	log    *slog.Logger
	ctx    context.Context // ends with the worker
	tasks  sync.WaitGroup  // goroutines that end when ctx and the streams have
	// clock looks after the rings, as it may be that none is read: a goroutine that reads requests executes them as well,
	// and a caller that waits for replies reads them. That saves waking others for it as long as neither takes long.
	clock *ticker.Group

	// Serving are requests in execution, or arriving, and Incoming bytes of bodies that are held. What a worker asks of
	// itself counts, too.
	Serving, Incoming quota.Budget

	callers callers
	queue   quota.Budget  // bytes of requests that wait to be sent
	replies quota.Budget  // bytes of replies that wait to be sent; what bounds them is Serving
	rings   quota.Budget  // peers that were invited to one
	shared  atomic.Uint64 // bodies sent through shared memory
	written atomic.Int64  // rings that are written
}

// New makes a Transport, whose connections end with ctx.
func New(ctx context.Context, c Config) *Transport {
	t := &Transport{config: c, limits: c.Limits, log: c.Log, ctx: ctx, clock: c.Clock, callers: callers{byName: map[string]*callerEntry{}}}
	if t.clock == nil {
		t.clock = new(ticker.Group)
	}
	t.Serving.Init(servingKind, int64(t.limits.Serving))
	t.Incoming.Init(receiveKind, t.limits.Receive)
	t.queue.Init(queueKind, t.limits.Queue)
	t.replies.Init(queueKind, 0)
	t.rings.Init(ringsKind, int64(t.limits.Rings))
	return t
}

// Wait waits until everything has ended that ends with the context of New and with the streams.
func (t *Transport) Wait() { t.tasks.Wait() }

// Stats are what there is now, and counts since the Transport was made.
type Stats struct {
	Shared      uint64 // bodies sent through shared memory
	Rings       int    // streams on which everything that is sent goes through shared memory
	RingsRead   int    // peers that were invited to send so
	QueuedBytes int64  // of bodies that wait to be sent
}

// Stats returns the counts. It does not block.
func (t *Transport) Stats() Stats {
	return Stats{Shared: t.shared.Load(), Rings: int(t.written.Load()), RingsRead: int(t.rings.Used()), QueuedBytes: t.queue.Used() + t.replies.Used()}
}

// ServerOptions are those of a server of grpc whose streams [Transport.Serve] serves.
func (t *Transport) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(frame.NewCodec()),
		grpc.MaxRecvMsgSize(frame.MaxSize), grpc.MaxSendMsgSize(frame.MaxSize),
		grpc.StaticStreamWindowSize(window), grpc.StaticConnWindowSize(window),
		grpc.ReadBufferSize(ioChunk), grpc.WriteBufferSize(ioChunk),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: t.config.Keepalive, Timeout: t.keepaliveTimeout()}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
	}
}

func (t *Transport) keepaliveTimeout() time.Duration { return max(t.config.Keepalive/2, 5*time.Second) }

// writerOf is the writer of a stream.
func (t *Transport) writerOf(stream frameStream) Writer { return t.wrapped(streamWriter{stream}) }

// wrapped is the writer that Config.WrapWriter makes of a writer.
func (t *Transport) wrapped(w Writer) Writer {
	if t.config.WrapWriter == nil {
		return w
	}
	return t.config.WrapWriter(w)
}
