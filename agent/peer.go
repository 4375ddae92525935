package agent

import (
	"context"
	"strings"
)

// Peer is who asks for something.
type Peer struct {
	Name string // the worker's name; this agent's own in a call to self
	Rank int
	// Identity is what the peer has proved: the subject of its certificate, "token", or "" on a listener
	// that asks for nothing.
	Identity string
	Address  string
	// Allow is what the peer may have called, see [Policy]; nil means anything.
	Allow []string
}

// Restricted says whether there is anything that the peer may not call.
func (p Peer) Restricted() bool { return p.Allow != nil }

// Allows says whether the peer may call a target, "module:qualname".
func (p Peer) Allows(target string) bool {
	if p.Allow == nil {
		return true
	}
	for _, entry := range p.Allow {
		if prefix, ok := strings.CutSuffix(entry, "*"); ok && strings.HasPrefix(target, prefix) || entry == target {
			return true
		}
	}
	return false
}

// Policy says what which worker may have called here. The agent does not look into bodies: it hands the
// entries to the Executor, in the context, and the Executor holds the request to them.
//
// An entry is "module:qualname", or the beginning of one with a * behind it. No entries allow nothing, a
// nil list allows anything.
type Policy struct {
	Default []string            // for workers that Workers does not name
	Workers map[string][]string // by the worker's name
}

func (p *Policy) allow(name string) []string {
	if p == nil {
		return nil
	}
	if entries, ok := p.Workers[name]; ok {
		return entries
	}
	return p.Default
}

type peerKey struct{}

// PeerFrom returns who asked for what is executed under ctx.
func PeerFrom(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(*Peer)
	if !ok {
		return Peer{}, false
	}
	return *p, true
}
