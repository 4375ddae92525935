package agent

import (
	"context"
	"sync"
	"sync/atomic"
)

// Future is a call's outcome, once there is one: a reply or an error, exactly once. Its methods may be
// called from any goroutine.
type Future struct {
	done   chan struct{}
	ending atomic.Bool // the goroutine that sets it decides the outcome
	reply  Reply       // written before done is closed, read only after
	err    error       // likewise

	cancel func(error)           // ends the call early; set when the Future is made
	read   func(context.Context) // reads for the outcome, if nobody else does; may be nil

	handle func(reply Reply, err error, over func()) // see CallHandled; may be nil

	mu    sync.Mutex
	ended bool                 // guarded by mu; the callbacks have been taken
	then  []func(Reply, error) // guarded by mu
}

// Done is closed when the outcome is there.
func (f *Future) Done() <-chan struct{} { return f.done }

// Wait returns the outcome. The end of ctx ends the waiting, not the call: for that there are the context
// that the call was made with, and Cancel.
func (f *Future) Wait(ctx context.Context) (Reply, error) {
	select {
	case <-f.done:
		return f.reply, f.err
	default:
	}
	if f.read != nil {
		f.read(ctx)
	}
	select {
	case <-f.done:
		return f.reply, f.err
	case <-ctx.Done():
		return Reply{}, ended(ctx.Err(), "waiting for the reply")
	}
}

// Then calls fn with the outcome, on a goroutine of its own, once it is there. A Join waits for it.
func (f *Future) Then(fn func(Reply, error)) {
	f.mu.Lock()
	if !f.ended {
		f.then = append(f.then, fn)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	go fn(f.reply, f.err)
}

// Cancel ends the call with context.Canceled, unless it has ended, and tells the peer.
func (f *Future) Cancel() { f.cancel(context.Canceled) }

// decide takes the right to complete the Future.
func (f *Future) decide() bool { return f.ending.CompareAndSwap(false, true) }

// complete sets the outcome. Only who has decided may call it, once. It calls over when what was asked for
// with Then and CallHandled has been done, too: a callback may begin something new, and a group that is about to part
// must not take the worker for idle in between.
func (f *Future) complete(reply Reply, err error, over func()) {
	f.reply, f.err = reply, err
	f.mu.Lock()
	f.ended = true
	then := f.then
	f.then = nil
	f.mu.Unlock()
	n := len(then)
	if f.handle != nil {
		n++
	}
	if n == 0 {
		over()
	}
	if n > 1 {
		over = last(n, over)
	}
	close(f.done)
	if f.handle != nil {
		f.handle(reply, err, over)
	}
	for _, fn := range then {
		go func() {
			defer over()
			fn(reply, err)
		}()
	}
}

// last is to be called n times, and calls f the last time.
func last(n int, f func()) func() {
	var left atomic.Int64
	left.Store(int64(n))
	return func() {
		if left.Add(-1) == 0 {
			f()
		}
	}
}
