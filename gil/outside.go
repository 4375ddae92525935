package gil

import (
	"context"
	"sync"

	"github.com/pyrpc/pyrpc/internal/cpython"
)

// outside knows, by Python's name of the thread, how to end what a thread waits for that is inside a
// call and has gone out to Go: bytecode, in which an interruption is raised, does not run there.
var outside sync.Map // uint64 → context.CancelCauseFunc

// Outside makes a context for Go code that Python waits for: it ends, with [ErrInterrupted] as its cause, when
// the call that the Python code belongs to is interrupted. The function returned must be called on the
// same thread when the wait is over.
//
// GIL: held
// Thread: the token's
// Ref: none
// Blocks: no
func Outside(_ Token, ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
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

// wakeOutside ends what the thread waits for outside of Python, if it does.
func wakeOutside(ident uint64) {
	if cancel, ok := outside.Load(ident); ok {
		cancel.(context.CancelCauseFunc)(ErrInterrupted)
	}
}
