package agent

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// Config is what an agent is made of. Name and Executor are needed, the rest has defaults.
type Config struct {
	Name string // of this worker: letters, digits, - _ : and at most 128 of them
	Rank int    // of this worker; with a Rendezvous, -1 takes any that is free

	// The other workers: Peers names them, or a Rendezvous finds them. With neither the worker is alone.
	Peers      []Worker
	Rendezvous *Rendezvous

	Executor Executor
	// ZeroCopy lets the bodies of requests that Execute gets lie in memory that the peer can still write to, which
	// saves a copy where both are on one machine: a byte that is read twice may have changed. Request.Free must be
	// called then, also where Execute fails.
	ZeroCopy bool

	Listen    string       // host:port; "127.0.0.1:0" by default, which only this machine reaches
	Listener  net.Listener // instead of Listen
	Advertise string       // host:port that peers are told by the Rendezvous; the listener's by default
	// Dial replaces the way connections to addresses are made.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// WrapWriter is for tests of this module, which have frames dropped, doubled and delayed: others leave it nil.
	WrapWriter func(transport.Writer) transport.Writer

	// The peers that may come in. Off the loopback interface one of these is needed: TLS with a CA, which asks
	// every peer for a certificate of its own name, or TLS and a Token.
	TLS   *TLS
	Token *Token
	// Insecure lets an agent do without, in clear text: any program that reaches it can run code. It is logged.
	Insecure bool
	Policy   *Policy // what who may have called; nil: anything
	// Guests are names under which programs may call that are no workers of the group: a command line, say. They
	// prove who they are as workers do, the Policy holds for them, and several may use one name at once. They
	// can make calls, have no RRefs, and become no workers where the group meets.
	Guests []string

	Limits         Limits
	ConnectTimeout time.Duration // for one attempt to connect. 10 s
	// StartTimeout is how long calls, and a Join, wait for a worker that has not been reached yet: it may be starting. Where
	// a Rendezvous has shown that all were there, none is waited for at whose address nothing listens. 10 s
	StartTimeout time.Duration
	// RRefLease is how long nothing may be heard of a worker before it is taken for dead and the RRefs that it has to
	// values of this one are released. A worker that lives and has a network is heard of, also when it says
	// nothing. 10 min, and not less than 1 s.
	RRefLease time.Duration
	// Keepalive is after how much silence a peer is asked whether it is there; it has half of that, at least
	// 5 s, to answer. 20 s, and not less than 10 s.
	Keepalive time.Duration

	Logger  *slog.Logger // slog.Default by default
	Metrics Metrics      // may be nil
	// Cleanup has the agent's steps registered, and is run by Join and Shutdown. A registry of its own by default.
	Cleanup *cleanup.Registry
}

// minRRefLease is the shortest lease: it is looked for holders several times within one.
const minRRefLease = time.Second

// Worker is a member of the group.
type Worker struct {
	Name    string
	Rank    int
	Address string // host:port
}

// withDefaults checks the configuration and completes it.
func (c Config) withDefaults() (Config, error) {
	if err := handshake.CheckName(c.Name); err != nil {
		return c, wrong("Name", "%w", err)
	}
	if c.Executor == nil {
		return c, wrong("Executor", "it is missing, and runs what peers ask for")
	}
	if c.Peers != nil && c.Rendezvous != nil {
		return c, wrong("Peers", "it and Rendezvous exclude each other")
	}
	if c.Rendezvous == nil && c.Rank < 0 {
		return c, wrong("Rank", "it is %d: only a Rendezvous gives out ranks", c.Rank)
	}
	if err := c.Policy.check(); err != nil {
		return c, err
	}
	for _, name := range c.Guests {
		if err := handshake.CheckName(name); err != nil {
			return c, wrong("Guests", "%w", err)
		}
	}
	if c.Advertise != "" {
		if err := checkAddress("Advertise", c.Advertise); err != nil {
			return c, err
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = c.Logger.With("agent", c.Name)
	c.Limits = c.Limits.withDefaults()
	set(&c.ConnectTimeout, 10*time.Second)
	set(&c.StartTimeout, 10*time.Second)
	set(&c.RRefLease, 10*time.Minute)
	if c.RRefLease < minRRefLease {
		return c, wrong("RRefLease", "it is %v: a worker must have at least %v to be heard of", c.RRefLease, minRRefLease)
	}
	set(&c.Keepalive, 20*time.Second)
	c.Keepalive = max(c.Keepalive, 10*time.Second) // grpc takes no less
	if c.Cleanup == nil {
		c.Cleanup = cleanup.New(cleanup.WithLogger(c.Logger))
	}
	if c.Rendezvous != nil {
		return c, c.Rendezvous.check(c.Rank)
	}
	return c, nil
}
