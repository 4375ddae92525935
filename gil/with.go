package gil

import (
	"context"

	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// With runs f while holding the GIL, and gives it back also when f panics or ends its goroutine.
// Inside f wait for nothing that may need the GIL; see [Detach]. When ctx ends, Python code that f has
// called, or calls next, is interrupted. With returns when f does: f's own Go code, and code in C that it has
// called, as in time.sleep, do not notice, and With waits for them however long they take. A caller that has to
// be back when ctx ends uses [Call].
//
//   - GIL: acquires
//   - Thread: any; f runs on the calling goroutine, locked to its OS thread
//   - Ref: none
//   - Blocks: ctx, then the GIL, then f
//
// Errors: those of [Acquire], f's own, in an *InterruptedError where it was interrupted, and else that
// of [Guard.Release].
func With(ctx context.Context, f func(Token) error) error {
	return with(ctx, func(t Token, _ *interrupt.Scope) error { return f(t) })
}

// with is With for an f that wants to know what the watchdog sees of it. The Scope is nil where nothing is to be
// interrupted: ctx cannot end, or the call is nested in one that is interruptible already.
func with(ctx context.Context, f func(Token, *interrupt.Scope) error) (err error) {
	g, err := Acquire(ctx)
	if err != nil {
		return err
	}
	var scope *interrupt.Scope
	if !g.nested && ctx.Done() != nil {
		scope = interrupt.BeginScope(ctx, callcontext.Label(ctx))
	}
	defer func() {
		err = endScope(ctx, scope, err)
		if released := g.Release(); err == nil {
			err = released
		}
	}()
	return f(g.Token(), scope)
}

// endScope makes the error of the body tell that the body was interrupted, if it was. The GIL is held.
func endScope(ctx context.Context, scope *interrupt.Scope, err error) error {
	if scope == nil || !scope.End() || err == nil {
		return err
	}
	e := (*InterruptedError)(scope.Interrupted(ctx, false))
	e.Err = err
	return e
}

// Assume gives the token of a goroutine that Python itself called with the GIL held, as in a
// callback. It takes nothing and there is nothing to release.
//
//   - GIL: held
//   - Thread: the one that Python called on
//   - Ref: none
//   - Blocks: no
//
// Errors: ErrNotHeld when the GIL is not held here.
func Assume(ctx context.Context) (Token, error) {
	if !cpython.Held() {
		return Token{}, ErrNotHeld
	}
	return Token{newLife(cpython.ThreadID()), ctx}, nil
}

// Detach gives the GIL up while f runs and takes it back afterwards, whatever the nesting
// (Py_BEGIN_ALLOW_THREADS). The permit is given up too, so f may wait for other Python calls, and is
// taken back ahead of newcomers. t is not to be used inside f, but f may acquire anew.
//
//   - GIL: held; f runs without it
//   - Thread: the token's
//   - Ref: none
//   - Blocks: f, then for a permit, then for the GIL
//
// Errors: ErrNotHeld, without running f.
func Detach(t Token, f func()) error {
	t.Assert()
	s, err := cpython.Suspend()
	if err != nil {
		return err
	}
	resume := t.life.suspend()
	permit := gate.Process.Permit(s.Permit())
	if permit != nil {
		permit.Suspend()
	}
	defer func() {
		if permit != nil {
			permit.Resume()
		}
		cpython.Resume(s)
		resume()
	}()
	f()
	return nil
}
