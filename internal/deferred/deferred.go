// Package deferred drops references that were given up by goroutines without the GIL. They wait in the queue of
// internal/cpython (pending.go). The next caller that enters Python drops some of them, and a janitor drops the rest.
package deferred

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Batch bounds how many references of others one entry into Python drops.
const Batch = 1024

// Drop takes the GIL under a permit that the caller has, and drops a batch of references.
func Drop(permit int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cpython.Attach(permit) != nil {
		return
	}
	_, _ = cpython.DrainPending(Batch)
	_ = cpython.Detach()
}

var janitors atomic.Int32

// janitorDelay is how long the janitor leaves the queue to the next caller that takes the GIL. Where calls follow each
// other, that caller drops the references at no cost, and a janitor is one more thread that wants the GIL.
const janitorDelay = time.Millisecond

// WakeJanitor has a goroutine drop the queued references when nobody else comes by for a millisecond, so that
// memory returns to an idle process too. There is one janitor at a time; it ends when the queue is empty. Never blocks.
func WakeJanitor() {
	if !janitors.CompareAndSwap(0, 1) {
		return
	}
	time.AfterFunc(janitorDelay, func() {
		for {
			err := dropAll()
			janitors.Store(0)
			if err != nil || cpython.Pending() == 0 || !janitors.CompareAndSwap(0, 1) {
				return
			}
		}
	})
}

func dropAll() error {
	for cpython.Pending() > 0 {
		permit, err := gate.Process.Enter(context.Background(), "drop references")
		if err != nil {
			return err
		}
		Drop(permit.ID())
		permit.Leave()
	}
	return nil
}
