package gil

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// What acquiring and releasing can fail with, besides the end of the context.
var (
	ErrNotHeld        = cpython.ErrNotHeld
	ErrHeld           = cpython.ErrHeld
	ErrInterrupted    = cpython.ErrInterrupted
	ErrPending        = cpython.ErrPending
	ErrReleased       = errors.New("gil: the guard was released already")
	ErrWrongGoroutine = errors.New("gil: the guard belongs to another goroutine, which alone can release it")
	ErrNotStarted     = gate.ErrNotStarted
	ErrClosed         = gate.ErrClosed
	ErrFailed         = gate.ErrFailed
)

// Guard is a held GIL. It pins its goroutine to an OS thread until [Guard.Release]. A goroutine that
// ends without releasing takes its thread with it; GIL and permit come back, later than by Release.
// Only on the process's main thread, which Go parks instead of ending, they are lost for good.
type Guard struct {
	token    Token
	thread   uintptr
	since    time.Duration
	nested   bool
	released atomic.Bool
}

// Acquire waits for a permit and then for the GIL (PyGILState_Ensure). Waiting for the permit ends
// with ctx; waiting for the GIL, behind at most the other permits, does not. On a goroutine that
// holds the GIL already the guards nest, without a second permit.
//
//   - GIL: acquires
//   - Thread: any; the goroutine is locked to its OS thread until Release
//   - Ref: none
//   - Blocks: ctx, then the GIL
//
// Errors: ErrNotStarted, ErrClosed, ErrFailed, or one that wraps the context's.
func Acquire(ctx context.Context) (*Guard, error) {
	start := calltimes.Now()
	nested := cpython.Held()
	var permit *gate.Permit
	id := 0
	if !nested {
		var err error
		if permit, err = gate.Process.EnterAgain(ctx, callcontext.Label(ctx), cpython.Suspended); err != nil {
			return nil, err
		}
		id = permit.ID()
	}
	runtime.LockOSThread()
	if err := cpython.Enter(id); err != nil {
		runtime.UnlockOSThread()
		if permit != nil {
			permit.Leave()
		}
		return nil, ErrClosed
	}
	held := calltimes.Now()
	if !nested {
		calltimes.Wait.Add(held - start)
	}
	thread := cpython.ThreadID()
	return &Guard{token: Token{newLife(thread), ctx}, nested: nested, thread: thread, since: held}, nil
}

// Token proves to functions that the GIL is held.
//
//   - GIL: held
//   - Thread: the guard's
//   - Ref: none
//   - Blocks: no
func (g *Guard) Token() Token {
	if g == nil {
		return Token{}
	}
	return g.token
}

// Release gives the GIL back (PyGILState_Release). References that goroutines without the GIL have released meanwhile
// are dropped first. Of nested guards, the one that is released last gives the GIL back. A second call changes
// nothing and returns [ErrReleased]; a call from another goroutine changes nothing and returns
// [ErrWrongGoroutine]. An exception that C-API calls outside package pybridge left pending is dropped,
// as it would fail the next call on the thread, and reported as [ErrPending]; the GIL is given back all the same. A
// nil guard, as comes with an error, gives [ErrNotHeld].
//
//   - GIL: held
//   - Thread: the goroutine that acquired
//   - Ref: none
//   - Blocks: no; user code may run (finalizers of what is dropped)
func (g *Guard) Release() error {
	if g == nil {
		return ErrNotHeld
	}
	if g.released.Load() {
		return ErrReleased // first: a released guard pins no goroutine, which may be on any thread
	}
	if cpython.ThreadID() != g.thread {
		return ErrWrongGoroutine
	}
	g.released.Store(true)
	g.token.life.end()
	defer runtime.UnlockOSThread()
	if !g.nested {
		_, _ = cpython.DrainPending(deferred.Batch)
	}
	permit := cpython.Permit()
	err := cpython.Detach()
	if cpython.Held() {
		return err
	}
	calltimes.Hold.Add(calltimes.Now() - g.since)
	if p := gate.Process.Permit(permit); p != nil {
		p.Leave()
	}
	return err
}

// Held reports whether the calling goroutine holds the GIL through this package (PyGILState_Check).
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func Held() bool { return cpython.Held() }
