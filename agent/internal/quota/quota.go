// Package quota bounds what an agent holds for others: a [Budget] is an amount that many acquire from, and a [Pair] has
// one for a peer and one for all peers. What goes beyond a budget is refused in the same words everywhere: what is in
// use, what is allowed, and which limit to raise.
package quota

import (
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// Kind is what a budget is of.
type Kind struct {
	Limit string // that sets it, such as "Limits.Serving"
	Used  string // completes "17 …", such as "requests are in execution"
	// FirstAlways lets a budget of which nothing is in use give more than it has: one body is always taken.
	FirstAlways bool
}

// Budget is an amount that many acquire from. Its methods may be called from any goroutine; none blocks or allocates
// unless it refuses.
type Budget struct {
	kind  *Kind
	limit int64
	used  atomic.Int64
}

// New makes a budget.
func New(kind *Kind, limit int64) *Budget {
	b := new(Budget)
	b.Init(kind, limit)
	return b
}

// Init sets up a budget that is part of another value.
func (b *Budget) Init(kind *Kind, limit int64) { b.kind, b.limit = kind, limit }

// Used is how much is in use.
func (b *Budget) Used() int64 { return b.used.Load() }

// TryAcquire acquires n if there is that much.
func (b *Budget) TryAcquire(n int64) bool {
	for {
		used := b.used.Load()
		if used+n > b.limit && (used > 0 || !b.kind.FirstAlways) {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// Acquire is TryAcquire with an error that says what is in use, what is allowed, and which limit to raise.
func (b *Budget) Acquire(n int64) *rpcerr.Error {
	if b.TryAcquire(n) {
		return nil
	}
	return rpcerr.Errorf(codes.ResourceExhausted, "%d %s, allowed are %d (%s)", b.used.Load(), b.kind.Used, b.limit, b.kind.Limit)
}

// MustAcquire acquires n whatever the limit is: for what is bounded elsewhere, or cannot be refused any more.
func (b *Budget) MustAcquire(n int64) { b.used.Add(n) }

// Release gives n back.
func (b *Budget) Release(n int64) { b.used.Add(-n) }

// Pair is the budget of one peer, and the one of all peers.
type Pair struct {
	Own, All *Budget
}

// Acquire acquires n of both, or of neither.
func (p Pair) Acquire(n int64) *rpcerr.Error {
	if err := p.Own.Acquire(n); err != nil {
		return err
	}
	if err := p.All.Acquire(n); err != nil {
		p.Own.Release(n)
		return err
	}
	return nil
}

// Release gives n back to both.
func (p Pair) Release(n int64) {
	p.Own.Release(n)
	p.All.Release(n)
}
