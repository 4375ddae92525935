package gil

import (
	"context"

	"github.com/gopyrpc/gopyrpc/internal/callcontext"
)

// WithLabel names, in reports and diagnostics, what the calls made with the context do in Python.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func WithLabel(ctx context.Context, name string) context.Context {
	return callcontext.WithLabel(ctx, name)
}

// WaitForCompletion makes calls with the context wait for Python when the context has ended: a call is interrupted, but its
// caller does not leave it behind. It is for callers on a goroutine of their own, such as an agent's, which need not be back
// in time: it saves handing each call to a dispatcher.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func WaitForCompletion(ctx context.Context) context.Context {
	return callcontext.WaitForCompletion(ctx, nil)
}
