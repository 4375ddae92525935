package policy

import (
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// Policy is what a peer may name, besides the protocol's own. Immutable.
type Policy struct {
	entries entries
	limits  pickle.Limits

	mu    sync.Mutex
	known atomic.Pointer[map[name]*verdict] // a new map for each change, under mu
}

// Option configures [New].
type Option func(*Policy)

// WithLimits sets the limits that payloads are read under; [pickle.DefaultLimits] without it.
func WithLimits(l pickle.Limits) Option { return func(p *Policy) { p.limits = l } }

// New makes a policy of entries. They have the forms
//
//	module               what that module defines: functions and classes may be called, methods too
//	package.*            the same for every module below the package
//	module:qualname      exactly that, also where it is another's by that name
//	module:Prefix*       what the module defines under names that begin so
//	value:module:Class   instances of exactly that class; nothing is called
//
// No entries allow nothing but plain data. An entry that is none of these is an error that says why.
func New(list []string, opts ...Option) (*Policy, error) {
	p := &Policy{}
	for _, entry := range list {
		if err := p.entries.add(entry); err != nil {
			return nil, err
		}
	}
	for _, o := range opts {
		o(p)
	}
	return p, nil
}

// Entries is the list that the policy was made of.
func (p *Policy) Entries() []string { return p.entries.list }
