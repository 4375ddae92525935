package handler

import (
	"context"
	"sync"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

// instance is the process's own handler.
var instance struct {
	mu sync.Mutex
	// guarded by mu
	handler *Handler
}

// Instance is the process-wide handler (PythonRpcHandler::getInstance): made by the first call, with
// its options, and the same for every later one, whose options are not looked at. A first call that
// fails is tried again by the next. Unlike torch's it does not come back after Cleanup.
//
// GIL: must not be held: the lock is taken before the GIL, always
// Thread: any
// Ref: the handler owns what it caches
// Blocks: for another goroutine's first call; ctx, then module code
func Instance(ctx context.Context, rt *pybridge.Runtime, opts ...Option) (*Handler, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return nil, gil.ErrHeld
	}
	instance.mu.Lock()
	defer instance.mu.Unlock()
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
