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

	incarnation uint64 // 0 for this agent itself
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
// module:qualname, module:Prefix* and value:module:Class.
type Policy struct {
	Default []string // for workers that Workers does not name: for what they ask for, not for what they reply
	// Workers is by the worker's name. What such a worker replies, when it is called, the Executor's side is to hold to
	// the same list.
	Workers map[string][]string
}

var entryPattern = regexp.MustCompile(`^value:[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*:[^*:]+$|^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*(\.\*|:[^*:]+\*?|:\*)?$`)

// check finds entries that would never allow what they seem to.
func (p *Policy) check() error {
	if p == nil {
		return nil
	}
	lists := append(slices.Collect(maps.Values(p.Workers)), p.Default)
	for _, entry := range slices.Concat(lists...) {
		if !entryPattern.MatchString(entry) {
			return wrong("Policy", "bad entry %q: expected module, package.*, module:qualname, module:Prefix* or value:module:Class", entry)
		}
	}
	return nil
}

// covers says whether an entry is about a target.
func covers(entry, target string) bool {
	module, name, _ := strings.Cut(target, ":")
	ofModule, ofName, named := strings.Cut(entry, ":")
	switch {
	case strings.HasPrefix(entry, "value:"):
		return false // lets instances in, and calls nothing
	case !named && strings.HasSuffix(ofModule, ".*"):
		return strings.HasPrefix(module, strings.TrimSuffix(ofModule, "*"))
	case !named:
		return module == ofModule
	case strings.HasSuffix(ofName, "*"):
		return module == ofModule && strings.HasPrefix(name, strings.TrimSuffix(ofName, "*"))
	}
	return entry == target
}

// Requests is what a worker's requests may name, nil for anything.
func (p *Policy) Requests(name string) []string {
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

// Replies is what a worker's replies may name, nil for anything.
func (p *Policy) Replies(name string) []string {
	if p == nil {
		return nil
	}
	return p.Workers[name]
}

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
