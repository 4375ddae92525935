package gil

import "context"

type stayKey struct{}

// Stay makes calls with the context wait for Python when the context has ended: they are interrupted,
// but not left. It is for callers on a goroutine of their own, such as an agent's, who need not leave: it
// saves handing each call to another goroutine.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func Stay(ctx context.Context) context.Context { return context.WithValue(ctx, stayKey{}, true) }

func stays(ctx context.Context) bool { return ctx.Value(stayKey{}) != nil }
