package gil

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// dropPending drops a batch of queued references under a permit that the caller has.
func dropPending(permit int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cpython.Attach(permit) != nil {
		return
	}
	_, _ = cpython.DrainPending(drainBatch)
	_ = cpython.Detach()
}

var janitors atomic.Int32

// janitorDelay is how long the janitor leaves the queue to whoever takes the GIL next. Where calls follow each other
// that costs nothing, and a janitor is a thread more that wants the GIL just then.
const janitorDelay = time.Millisecond

// WakeJanitor has a goroutine drop queued references when nobody else comes by for a millisecond, so that
// memory returns to an idle process too. One at a time; it ends when the queue is empty.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func WakeJanitor() {
	if !janitors.CompareAndSwap(0, 1) {
		return
	}
	time.AfterFunc(janitorDelay, func() {
		for {
			err := drainAll()
			janitors.Store(0)
			if err != nil || cpython.Pending() == 0 || !janitors.CompareAndSwap(0, 1) {
				return
			}
		}
	})
}

func drainAll() error {
	ctx := WithLabel(context.Background(), "drop references")
	for cpython.Pending() > 0 {
		permit, err := gate.Process.Enter(ctx, label(ctx))
		if err != nil {
			return err
		}
		dropPending(permit.ID())
		permit.Leave()
	}
	return nil
}
