package gil

import (
	"context"
	"reflect"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// Call is [With] for a caller that leaves when ctx ends, whatever Python does: it runs f with the GIL on a goroutine of
// its own, and gives what f returned. When ctx ends, Python code that f has called is interrupted; where f has not
// returned a [Patience] later, as code in C does not notice, Call returns an *InterruptedError that is Stuck. Then f
// runs on: so f must take what it needs by value, write to nothing that the caller reads, and return what it makes. A result that comes after the caller has left is dropped; one with a method Release, as a
// *pybridge.Object has, is released.
//
//		n, err := gil.Call(ctx, func(t gil.Token) (int, error) {
//			math, err := rt.Import(t, "math")
//			if err != nil {
//				return 0, err
//			}
//			defer math.Release()
//			result, err := math.CallMethod(t, "comb", 40, 20)
//			if err != nil {
//				return 0, err
//			}
//			defer result.Release()
//			return pybridge.As[int](t, result)
//		})
//
//	  - GIL: acquires; must not be held
//	  - Thread: any; f runs on another goroutine, locked to its OS thread, or on the caller's where ctx cannot end
//	  - Ref: the caller's, if T is a reference
//	  - Blocks: ctx and Patience; with a ctx that cannot end, the GIL, then f
//
// Errors: those of [With]; ErrHeld; an *InterruptedError. A panic of f is one of Call, and so is the end of f's
// goroutine; once the caller has left, a panic ends the process as in any goroutine.
func Call[T any](ctx context.Context, f func(Token) (T, error)) (T, error) {
	AssertNotHeld()
	var zero T
	if cpython.Held() {
		return zero, ErrHeld
	}
	c := &leavable[T]{done: make(chan struct{})}
	if ctx.Done() == nil {
		err := c.call(ctx, f)
		return c.value, err
	}
	go c.run(ctx, f)
	select {
	case <-c.done:
		return c.outcome()
	case <-ctx.Done():
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case <-c.done:
		return c.outcome()
	case <-patience.C:
	}
	if !c.decided.CompareAndSwap(false, true) {
		<-c.done // it has returned just now
		return c.outcome()
	}
	return zero, (*InterruptedError)(c.seen(ctx).Interrupted(ctx, true))
}

// leavable is a call that its caller may leave.
type leavable[T any] struct {
	done  chan struct{} // closed when the fields below it are set
	value T
	given bool // f returned without an error
	end   panics.End

	decided atomic.Bool                     // whether the caller has left, or f has returned, first
	scope   atomic.Pointer[interrupt.Scope] // what the watchdog sees of it, once f runs
}

func (c *leavable[T]) run(ctx context.Context, f func(Token) (T, error)) {
	panics.Catch(func() error { return c.call(ctx, f) }, func(end panics.End) {
		c.end = end
		switch {
		case c.decided.CompareAndSwap(false, true):
			close(c.done)
		case end.Panic != nil:
			panic(end.Panic.Value) // panics: f did, and its caller has left
		case c.given:
			release(c.value)
		}
	})
}

func (c *leavable[T]) call(ctx context.Context, f func(Token) (T, error)) error {
	return with(ctx, func(t Token, scope *interrupt.Scope) (err error) {
		c.scope.Store(scope)
		if c.decided.Load() {
			return gate.Ended(ctx) // it waited for the GIL for too long
		}
		c.value, err = f(t)
		c.given = err == nil
		return err
	})
}

// outcome is what came of f, on the goroutine of Call.
func (c *leavable[T]) outcome() (T, error) {
	switch {
	case c.end.Panic != nil:
		panic(c.end.Panic.Value) // panics: f did
	case c.end.Exited:
		runtime.Goexit()
	}
	return c.value, c.end.Err
}

// seen is the call as the watchdog sees it. The watchdog does not see a call that waits for the GIL.
func (c *leavable[T]) seen(ctx context.Context) *interrupt.Call {
	if scope := c.scope.Load(); scope != nil {
		return &scope.Call
	}
	return interrupt.NewCall(callcontext.Label(ctx))
}

// release releases a result that nobody wants, if it can be. A nil pointer has nothing to release.
func release(v any) {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
		return
	}
	if r, ok := v.(interface{ Release() }); ok {
		r.Release()
	}
}
