package pybridge

import (
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// OnHostsMainThread reports whether the calling goroutine is on the main thread of a Python that its host started: whether
// it is there that Python calls handlers of signals. Where Go is the host it is false.
//
//   - GIL: any
//   - Thread: any; a goroutine that is not locked to its thread may be elsewhere at once
//   - Ref: none
//   - Blocks: no
func (r *Runtime) OnHostsMainThread() bool {
	return !r.isNone() && r.attached && cpython.OnFirstThread()
}

// CheckSignals calls Python's handlers of signals that have come (PyErr_CheckSignals), as what waits on the main thread has
// to do now and then. Elsewhere it does nothing.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: user code, of the handlers
//
// Errors: what a handler raised, such as KeyboardInterrupt; ErrNotHeld.
func (r *Runtime) CheckSignals(t gil.Token) error {
	t.Assert()
	if r.isNone() {
		return ErrNotStarted
	}
	if err := cpython.CheckSignals(); err != nil {
		return captured(t, err)
	}
	return nil
}
