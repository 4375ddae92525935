package gil

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
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

// WakeJanitor starts a goroutine that drops queued references when nobody else comes by, so that
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
	go func() {
		for {
			err := drainAll()
			janitors.Store(0)
			if err != nil || cpython.Pending() == 0 || !janitors.CompareAndSwap(0, 1) {
				return
			}
		}
	}()
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
