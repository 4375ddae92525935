//go:build pydebug

package gil

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// life is how long a token is good. The zero life is that of a token that came from no function of this package.
type life struct{ *lifetime }

type lifetime struct {
	thread   uintptr
	maker    [24]uintptr // the stack that acquired
	over     atomic.Bool
	detached atomic.Int32
}

func newLife(thread uintptr) life {
	l := &lifetime{thread: thread}
	runtime.Callers(3, l.maker[:])
	return life{l}
}

func (l life) end() { l.over.Store(true) }

// suspend is called when the GIL is given up, and resume when it is taken again.
func (l life) suspend() (resume func()) {
	if l.lifetime == nil {
		return func() {}
	}
	l.detached.Add(1)
	return func() { l.detached.Add(-1) }
}

// wrong says why the token is not good here and now; empty where it is.
func (l life) wrong() string {
	switch {
	case l.lifetime == nil:
		return "the token was not given by With, Acquire or Assume"
	case l.over.Load():
		return "the token's guard was released"
	case l.thread != cpython.ThreadID():
		return "the token belongs to another goroutine"
	case l.detached.Load() > 0:
		return "the token's GIL was given up with Detach"
	case !cpython.Held():
		return "the GIL was given up"
	}
	return ""
}

// made is the stack that acquired the GIL, as text.
func (l life) made() string {
	if l.lifetime == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nthe token was made by:\n")
	for frames := runtime.CallersFrames(l.maker[:]); ; {
		f, more := frames.Next()
		if f.PC != 0 {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

// Assert panics with an error that is [ErrNotHeld] where the token is not good: see the builds
// without the tag pydebug, in which it does nothing.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: no
func (t Token) Assert() {
	if wrong := t.life.wrong(); wrong != "" {
		panic(fmt.Errorf("pydebug: %s: %w%s", wrong, ErrNotHeld, t.life.made()))
	}
}

// AssertNotHeld panics with an error that is [ErrHeld] when the calling goroutine holds the GIL: see
// the builds without the tag pydebug, in which it does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func AssertNotHeld() {
	if cpython.Held() {
		panic(fmt.Errorf("pydebug: %w", ErrHeld))
	}
}
