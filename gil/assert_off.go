//go:build !pydebug

package gil

// life is how long a token is good. It is known in builds with the tag pydebug only.
type life struct{}

func newLife(uintptr) life { return life{} }

func (life) end() {}

func (life) suspend() (resume func()) { return func() {} }

// Assert is for functions that take a token, at their beginning. In builds with the tag pydebug it
// panics, with an error that is [ErrNotHeld], where the token is not good: its guard was released, it
// is another goroutine's, or the GIL was given up with [Detach]. In other builds it does nothing.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: no
func (Token) Assert() {}

// AssertNotHeld is for functions that wait for the holder of the GIL, at their beginning. In builds
// with the tag pydebug it panics, with an error that is [ErrHeld], when the calling goroutine holds it.
// In other builds it does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func AssertNotHeld() {}
