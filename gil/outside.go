package gil

import (
	"context"
	"sync"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// outside knows, by Python's name of the thread, how to end what a thread waits for that is inside a
// call and has gone out to Go: bytecode, in which an interruption is raised, does not run there.
var outside sync.Map // uint64 → context.CancelCauseFunc

// Outside makes a context for Go code that Python waits for: it ends, with [ErrInterrupted] as its cause, when
// the call that the Python code belongs to is interrupted. The function returned must be called on the
// same thread when the wait is over. Without the GIL it is a context that ends with that function.
//
// GIL: held
// Thread: the token's
// Ref: none
// Blocks: no
func Outside(t Token, ctx context.Context) (context.Context, func()) {
	t.Assert()
	ctx, cancel := context.WithCancelCause(ctx)
	if !cpython.Held() { // no call is interrupted here, nor may there be a Python to ask
		return ctx, func() { cancel(nil) }
	}
	ident := cpython.ThreadIdent()
	previous, nested := outside.Swap(ident, cancel)
	return ctx, func() {
		if nested {
			outside.Store(ident, previous)
		} else {
			outside.Delete(ident)
		}
		cancel(nil)
	}
}

// wakeOutside ends what the thread waits for outside of Python, and reports whether it waits.
func wakeOutside(ident uint64) bool {
	cancel, ok := outside.Load(ident)
	if ok {
		cancel.(context.CancelCauseFunc)(ErrInterrupted)
	}
	return ok
}
