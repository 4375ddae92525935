package agent

import (
	"net"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
)

// TLS names files in PEM. They are read again when they change; new connections then use the new ones.
type TLS struct {
	// This worker's certificate, with the chain, and its key. A guest with a Token, which only calls, can do without.
	Cert, Key string
	// CA has the roots that peers' certificates must come from. Without a Token every peer must show one,
	// and it must be for the name by which the worker calls itself: a DNS name, the last part of a spiffe:
	// or gopyrpc: URI, or else the common name.
	CA string
}

// Token is a secret that workers share, or one that was made of it for a single name with [TokenFor]. A worker that has
// the secret can be any worker; a worker that has only a token of its own can be only the worker that the token names.
// Exactly one field is set. Two agents prove to each other that they have the token (internal/handshake describes how),
// and do not send it.
//
// Of two workers one must have the secret: neither of two that have only their own tokens can check the
// other's. For groups in which no worker is to be trusted with the secret, there are certificates.
type Token struct {
	Value string
	File  string // read whenever it is needed, so that it may change
	Env   string // the name of an environment variable
}

// TokenFor makes a token by which its holder can be the worker, or the guest, of that name, and no other. The token is
// valid as long as the secret is.
//
// Errors: a secret that is too short, or is such a token itself; what is no name for a worker.
func TokenFor(secret, name string) (string, error) { return security.TokenFor(secret, name) }

// secure makes the agent's security, and refuses a configuration that would let anybody in.
func (c *Config) secure(incarnation uint64, listener net.Addr) (*security.Security, error) {
	s := security.Config{
		Name: c.Name, Incarnation: incarnation, TLS: (*security.TLS)(c.TLS), Token: (*security.Token)(c.Token),
		Insecure: c.Insecure, Called: c.Rendezvous != nil, OwnDial: c.Dial != nil, Logger: c.Logger,
		Exposure: security.Exposure{Listener: listener, Listens: listener.String()},
	}
	if c.Listener == nil {
		s.Exposure.Listens = c.Listen // in the words of the configuration
	}
	for _, p := range c.Peers {
		if p.Name != c.Name {
			s.Exposure.Calls = append(s.Exposure.Calls, security.Call{What: "calls worker " + p.Name, Address: p.Address})
		}
	}
	if r := c.Rendezvous; r != nil && r.Address != "" {
		s.Exposure.Calls = append(s.Exposure.Calls, security.Call{What: "meets its group", Address: r.Address})
	}
	return security.New(s)
}
