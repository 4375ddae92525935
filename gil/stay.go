package gil

import "context"

type stayKey struct{}

// stay is what [Stay] and [StayTold] leave in a context.
type stay struct{ entered func() }

var stayUntold = new(stay)

// Stay makes calls with the context wait for Python when the context has ended: they are interrupted,
// but not left. It is for callers on a goroutine of their own, such as an agent's, who need not leave: it
// saves handing each call to another goroutine.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func Stay(ctx context.Context) context.Context { return context.WithValue(ctx, stayKey{}, stayUntold) }

// StayTold is Stay for who wants to know when a call begins: each [CallBytes] with the context calls entered when it has
// its permit, right before it enters Python. Such a call shares no crossing with others. entered must not wait, nor enter Python.
//
// GIL: not needed
// Thread: any; entered runs on the one that makes the call
// Ref: none
// Blocks: no
func StayTold(ctx context.Context, entered func()) context.Context {
	return context.WithValue(ctx, stayKey{}, &stay{entered})
}

// staying is nil for a context whose calls are left when it ends.
func staying(ctx context.Context) *stay {
	s, _ := ctx.Value(stayKey{}).(*stay)
	return s
}

// told gives what is to be called when a call begins, nil for nothing.
func (s *stay) told() func() {
	if s == nil {
		return nil
	}
	return s.entered
}
