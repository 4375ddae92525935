package gil

import "context"

// Token says in a signature that the GIL is held by the calling goroutine.
//
// It comes from [With], [Guard.Token] or a callback and is good until that ends, on that goroutine.
// Used anywhere else it does no harm: every operation checks the thread that it runs on and returns
// [ErrNotHeld]. That cannot tell a token from its successor on the same thread; [Token.Assert] can.
type Token struct {
	life life // first: of no size without the tag pydebug, it then takes no room
	ctx  context.Context
}

// Context is the one that the GIL was acquired with, for what must be given up with it.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (t Token) Context() context.Context {
	if t.ctx == nil {
		return context.Background()
	}
	return t.ctx
}
