package gil

import (
	"context"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// CallBytes calls fn(payload) or fn(payload, extra) in one crossing: permit, attach, call, detach.
// It is the road of every served request; its callers are the handler's, through package pybridge.
//
// GIL: acquires; must not be held
// Thread: any; the goroutine is not locked to it
// Ref: borrows fn and extra; what the outcome carries is owned by the caller
// Blocks: ctx, then the GIL, then user code
//
// Errors: those of [Acquire], and ErrHeld.
func CallBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	permit, err := enter(ctx)
	if err != nil {
		return cpython.Outcome{}, err
	}
	defer permit.Leave()
	if cpython.Pending() > 0 {
		dropPending(permit.ID())
	}
	out, err := cpython.CallBytes(permit.ID(), fn, payload, extra)
	if err != nil {
		return out, refusal(err)
	}
	waits.add(out.Wait)
	holds.add(out.Hold)
	return out, nil
}

// enter waits in the gate, unless the caller holds the GIL that those before it may be waiting for.
func enter(ctx context.Context) (*gate.Permit, error) {
	if err := ctx.Err(); err == nil {
		if p, ok, err := gate.Process.TryEnter(label(ctx)); ok || err != nil {
			return p, err
		}
	}
	if cpython.Held() {
		return nil, ErrHeld
	}
	start := now()
	p, err := gate.Process.Enter(ctx, label(ctx))
	queued.add(now() - start)
	return p, err
}

func refusal(err error) error {
	if err == cpython.ErrClosed {
		return ErrClosed
	}
	return err
}
