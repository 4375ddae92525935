package agent

import (
	"context"
	"maps"
	"regexp"
	"slices"
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

	life uint64 // its incarnation; 0 for this agent itself
}

// Restricted says whether there is anything that the peer may not call.
func (p Peer) Restricted() bool { return p.Allow != nil }

// Self says whether it is this agent that asks itself.
func (p Peer) Self() bool { return p.Identity == identitySelf }

// Allows says whether an entry covers a target, "module:qualname".
func (p Peer) Allows(target string) bool {
	return p.Allow == nil || slices.ContainsFunc(p.Allow, func(entry string) bool { return covers(entry, target) })
}

// Policy says what which worker may have called here. The agent does not look into bodies: it hands the
// entries to the Executor, in the context, and the Executor holds the request to them. No entries allow
// nothing, a nil list allows anything.
//
// An entry has one of the forms that handler.WithAllow takes: module, package.* (every module below it),
// module:qualname and module:Prefix*.
type Policy struct {
	Default []string            // for workers that Workers does not name
	Workers map[string][]string // by the worker's name
}

var entryPattern = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*(\.\*|:[^*:]+\*?|:\*)?$`)

// check finds entries that would never allow what they seem to.
func (p *Policy) check() error {
	if p == nil {
		return nil
	}
	lists := append(slices.Collect(maps.Values(p.Workers)), p.Default)
	for _, entry := range slices.Concat(lists...) {
		if !entryPattern.MatchString(entry) {
			return wrong("Policy", "bad entry %q: expected module, package.*, module:qualname or module:Prefix*", entry)
		}
	}
	return nil
}

// covers says whether an entry is about a target.
func covers(entry, target string) bool {
	module, name, _ := strings.Cut(target, ":")
	ofModule, ofName, named := strings.Cut(entry, ":")
	switch {
	case !named && strings.HasSuffix(ofModule, ".*"):
		return strings.HasPrefix(module, strings.TrimSuffix(ofModule, "*"))
	case !named:
		return module == ofModule
	case strings.HasSuffix(ofName, "*"):
		return module == ofModule && strings.HasPrefix(name, strings.TrimSuffix(ofName, "*"))
	}
	return entry == target
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

// identitySelf is what no peer can prove: a certificate's subject is empty or has an equals sign.
const identitySelf = "self"

type peerKey struct{}

// self is this agent as who asks itself for something.
func (a *Agent) self() *Peer {
	return &Peer{Name: a.config.Name, Rank: a.Rank(), Identity: identitySelf}
}

// PeerFrom returns who asked for what is executed under ctx.
func PeerFrom(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(*Peer)
	if !ok {
		return Peer{}, false
	}
	return *p, true
}
