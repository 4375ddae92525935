package gil

import (
	"context"

	"github.com/gopyrpc/gopyrpc/internal/callcontext"
)

// WithLabel names, in reports and diagnostics, what the calls made with the context do in Python.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func WithLabel(ctx context.Context, name string) context.Context {
	return callcontext.WithLabel(ctx, name)
}

// WaitForCompletion makes calls with the context wait for Python when the context has ended: they are interrupted,
// but not left. It is for callers on a goroutine of their own, such as an agent's, who need not leave: it
// saves handing each call to another goroutine.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func WaitForCompletion(ctx context.Context) context.Context {
	return callcontext.WaitForCompletion(ctx, nil)
}
