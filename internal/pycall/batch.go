package pycall

import (
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
)

// callBatch makes several calls in one crossing into C: a batch.Runner.
type callBatch struct {
	calls []*queuedCall
	batch *cpython.Batch
	began time.Duration
	err   error
}

var callBatches = sync.Pool{New: func() any { return new(callBatch) }}

// Runner begins a callBatch with c.
func (c *queuedCall) Runner() batch.Runner {
	b := callBatches.Get().(*callBatch)
	b.batch = cpython.NewBatch()
	if !b.Add(c) {
		b.Free()
		return nil
	}
	return b
}

// Add takes one more call, if it is small.
func (b *callBatch) Add(j batch.Job) bool {
	c, ok := j.(*queuedCall)
	if !ok || c.fn == nil || c.entered != nil || !b.batch.Add(c.fn, c.payload, c.extra, c.target()) {
		return false
	}
	b.calls = append(b.calls, c)
	return true
}

// Run makes the calls.
func (b *callBatch) Run(permit *gate.Permit, claims *batch.Claims) {
	if cpython.Pending() > 0 {
		deferred.Drop(permit.ID())
	}
	b.began = calltimes.Now()
	words, current := claims.Words()
	if err := b.batch.Run(permit.ID(), words, current); err != nil {
		b.err = err // of all, as none was made
		for i := range b.calls {
			claims.Take(i)
		}
	}
}

// Settle gives call i its outcome.
func (b *callBatch) Settle(i int) {
	c := b.calls[i]
	c.began = b.began
	if b.err != nil {
		c.settle(cpython.Outcome{}, account(nil, b.err))
		return
	}
	out, t, err := b.batch.Outcome(i)
	if t != nil {
		c.began += t.After
	}
	c.settle(out, account(t, err))
}

// Free puts the memory back.
func (b *callBatch) Free() {
	b.batch.Put()
	clear(b.calls)
	*b = callBatch{calls: b.calls[:0]}
	callBatches.Put(b)
}
