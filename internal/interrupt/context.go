package interrupt

import (
	"context"
	"sync"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// waiting has, by Python's name of the thread, what ends the wait of a thread that is inside a call and has gone out to
// Go: bytecode, in which an interruption is raised, does not run there.
var waiting sync.Map // uint64 → context.CancelCauseFunc

// Context makes a context for Go code that Python waits for: it ends, with cpython.ErrInterrupted as its cause, when
// the call that the Python code belongs to is interrupted. The function returned must be called on the
// same thread when the wait is over. The GIL is held; without it the context ends with that function only.
func Context(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if !cpython.Held() { // no call is interrupted here, and there may be no Python to ask
		return ctx, func() { cancel(nil) }
	}
	ident := cpython.ThreadIdent()
	previous, nested := waiting.Swap(ident, cancel)
	return ctx, func() {
		if nested {
			waiting.Store(ident, previous)
		} else {
			waiting.Delete(ident)
		}
		cancel(nil)
	}
}

// wake ends what the thread waits for in Go, and reports whether it waits.
func wake(ident uint64) bool {
	cancel, ok := waiting.Load(ident)
	if ok {
		cancel.(context.CancelCauseFunc)(cpython.ErrInterrupted)
	}
	return ok
}
