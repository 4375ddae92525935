package handler

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// instance is the process's own handler.
var instance = struct {
	lock chan struct{} // holds one while locked: unlike a mutex's, waiting for it can end
	// guarded by lock
	handler *Handler
}{lock: make(chan struct{}, 1)}

// Instance is the process-wide handler (PythonRpcHandler::getInstance): made by the first call, with
// its options, and the same for every later one, whose options are not looked at. A first call that
// fails is tried again by the next. Unlike torch's it does not come back after Cleanup.
//
//   - GIL: must not be held: the lock is taken before the GIL, always
//   - Thread: any
//   - Ref: the handler owns what it caches
//   - Blocks: ctx while another goroutine's first call is under way; ctx, then module code
func Instance(ctx context.Context, rt *pybridge.Runtime, opts ...Option) (*Handler, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return nil, gil.ErrHeld
	}
	if err := lockInstance(ctx); err != nil {
		return nil, err
	}
	defer func() { <-instance.lock }()
	if instance.handler != nil {
		return instance.handler, nil
	}
	h, err := New(ctx, rt, opts...)
	if err != nil {
		return nil, err
	}
	instance.handler = h
	return h, nil
}

// lockInstance does not look at ctx where there is nothing to wait for.
func lockInstance(ctx context.Context) error {
	select {
	case instance.lock <- struct{}{}:
		return nil
	default:
	}
	select {
	case instance.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another's handler.Instance: %w", context.Cause(ctx))
	}
}
