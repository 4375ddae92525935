// Package panics calls functions that users gave, and says how they ended: a function may return, panic, or end its
// goroutine (runtime.Goexit, and so testing.T.FailNow). What becomes of each is the caller's to say; this package is the
// one place where a panic is recovered.
package panics

import (
	"errors"
	"runtime/debug"
)

// ErrExited is a function that ended its goroutine.
var ErrExited = errors.New("the Go function ended its goroutine (runtime.Goexit) instead of returning")

// Panic is what a function panicked with.
type Panic struct {
	Value any
	Stack string // of the goroutine, as it was then
}

// End is how a function ended. The zero End is that of a function that returned no error.
type End struct {
	Err    error  // what the function returned
	Panic  *Panic // nil where the function did not panic
	Exited bool   // the function ended its goroutine
}

// Catch calls f, and then end, once, with how f ended. Where f ends its goroutine, end is the last thing that the
// goroutine does for the caller: Catch does not return. A panic of end goes on as any other.
func Catch(f func() error, end func(End)) {
	e := End{Exited: true} // stands if f does not come back
	defer func() {
		if v := recover(); v != nil {
			e = End{Panic: &Panic{v, string(debug.Stack())}}
		}
		end(e)
	}()
	e = End{Err: f()}
}
