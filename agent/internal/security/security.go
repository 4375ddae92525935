// Package security decides which peers an agent lets in, and finds out who they are. Its parts, in the order in which a
// connection that comes in meets them:
//
//   - [Listener] bounds how many connections there are, and how many of them, and for how long, belong to peers that
//     have not proved who they are.
//   - The credentials ([Security.ServerCredentials], [Security.ClientCredentials]) are TLS or none, and then the
//     handshake of the tokens (package handshake).
//   - [Security.Tap] checks every request before anything else is done for it.
//   - [Security.Identify] finds out which worker makes the request, and whether the peer may be that worker.
//
// [New] refuses configurations that would let anybody in.
package security

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// Config is what an agent has for its security.
type Config struct {
	Name        string // of this worker
	Incarnation uint64 // of this worker
	TLS         *TLS   // nil for none
	Token       *Token // nil for none
	Insecure    bool   // it may do without both beyond this machine
	Called      bool   // other workers call this one, and so must be able to check it
	OwnDial     bool   // connections are made in another way than by address
	Exposure    Exposure
	Logger      *slog.Logger
}

// Security is the security of one agent. Its methods may be called from any goroutine.
type Security struct {
	config Config
	keys   *keyring // nil without TLS
	log    *slog.Logger

	logs                logLimiter
	refused, handshakes atomic.Uint64
}

// New checks a configuration, and reads the files that it names.
//
// Errors: what is wrong with the configuration; ErrInsecure.
func New(c Config) (*Security, error) {
	if err := c.checkSecrets(); err != nil {
		return nil, err
	}
	if err := c.checkExposure(); err != nil {
		return nil, err
	}
	s := &Security{config: c, log: c.Logger}
	if c.TLS != nil {
		s.keys = &keyring{files: *c.TLS, mutual: c.TLS.CA != "" && c.Token == nil, log: c.Logger}
		if _, err := s.keys.current(); err != nil { // the files are there now: from here on there is something to fall back on
			return nil, err
		}
	}
	return s, nil
}

// Stats are counts since the agent was made.
type Stats struct {
	Refused    uint64 // requests of peers that may not come in
	Handshakes uint64 // connections that failed in the handshake of TLS or of the tokens
}

// Stats returns the counts.
func (s *Security) Stats() Stats {
	return Stats{Refused: s.refused.Load(), Handshakes: s.handshakes.Load()}
}

// Refuse counts and logs a request that is refused with err, which it returns.
func (s *Security) Refuse(ctx context.Context, err error) error {
	s.refused.Add(1)
	if !s.logs.allow() {
		return err
	}
	address := "unknown"
	if p, ok := peer.FromContext(ctx); ok {
		address = p.Addr.String()
	}
	s.log.Warn("agent: a request was refused", "from", address, "err", err)
	return err
}

// handshakeFailed counts and logs a connection that failed before its first request.
func (s *Security) handshakeFailed(from net.Addr, what string, err error) {
	s.handshakes.Add(1)
	if s.logs.allow() {
		s.log.Warn(what, "from", from, "err", rpcerr.Within(err))
	}
}

// logLimiter allows one log line a second: what a peer can cause at will must not fill the log.
type logLimiter struct{ next atomic.Int64 }

func (l *logLimiter) allow() bool {
	now := time.Now().UnixNano()
	next := l.next.Load()
	return now >= next && l.next.CompareAndSwap(next, now+int64(time.Second))
}

// refusedAs is a refusal of a peer that says it is a worker which it cannot be.
func refusedAs(format string, args ...any) error {
	return rpcerr.Errorf(codes.PermissionDenied, format, args...)
}

// mayBe says whether a peer whose certificate has the names may be the worker.
func (s *Security) mayBe(names []string, worker string) bool {
	return names == nil || slices.Contains(names, worker) || s.keys != nil && !s.keys.mutual
}
