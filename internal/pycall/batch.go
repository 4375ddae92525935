package pycall

import (
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// callBatch is calls that share a crossing: a gate.Crossing.
type callBatch struct {
	calls []*queuedCall
	batch *cpython.Batch
	began time.Duration
	err   error
}

var callBatches = sync.Pool{New: func() any { return new(callBatch) }}

// Crossing begins one with c.
func (c *queuedCall) Crossing() gate.Crossing {
	b := callBatches.Get().(*callBatch)
	b.batch = cpython.NewBatch()
	if !b.Add(c) {
		b.End()
		return nil
	}
	return b
}

func (b *callBatch) Add(j gate.Job) bool {
	c, ok := j.(*queuedCall)
	if !ok || c.fn == nil || c.entered != nil || !b.batch.Add(c.fn, c.payload, c.extra, c.target()) {
		return false
	}
	b.calls = append(b.calls, c)
	return true
}

func (b *callBatch) Run(permit *gate.Permit, claims *gate.Claims) {
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

func (b *callBatch) End() {
	b.batch.Recycle()
	clear(b.calls)
	*b = callBatch{calls: b.calls[:0]}
	callBatches.Put(b)
}
