// Package gil takes and gives back CPython's global interpreter lock (the GIL) for goroutines.
//
// The interpreter is started by package pybridge, which has the operations on Python objects, too: each takes a [Token],
// and a Token says in a signature that the GIL is held.
//
// # Ways in
//
//   - [With] runs a function with the GIL, on the calling goroutine. It is the way to begin with.
//   - [Call] is With for a caller that has to be back when its context ends: the function runs on a goroutine of its own,
//     and is left behind where it does not react.
//   - [Acquire] gives a [Guard], for code that cannot be one function. The goroutine that acquires has to release.
//   - [Assume] gives the Token of a goroutine that Python itself called, as in a callback.
//   - [Detach] gives the GIL up while a function runs that waits for something else (Py_BEGIN_ALLOW_THREADS).
//
// While the GIL is held the goroutine is locked to its OS thread. A Token is good on that goroutine, until the way in
// ends. Wrong use is an error ([ErrNotHeld], [ErrHeld]), and a panic in builds with the tag pydebug.
//
// # Permits
//
// A thread that waits for the GIL in C can neither be cancelled nor counted. So a goroutine first waits for a permit, in
// Go: first in, first out, until its context ends, and never more than a bounded number of goroutines have one (64
// unless pybridge.Start is told otherwise). A nested With or Acquire takes none. Detach gives the permit up, too, so
// that the function may wait for other calls into Python. [Stats] shows permits, queue, and times.
//
// # Contexts
//
// The context of a way in ends the wait for the permit. Once inside, its end interrupts the Python code that runs: an
// exception is raised in it, which the caller gets as an [*InterruptedError]. Code in C does not notice; [OnStall] tells
// when so many calls are stuck that no more can begin. [WithLabel] names what a call does, for reports, and
// [WaitForCompletion] keeps a caller from leaving its call behind.
//
// # Lock order
//
// The order is: permit, GIL, then any lock of Go code (ARCHITECTURE.md has the locks of this module). To keep it:
//
//   - Take no permit with the GIL held: wait for no other call into Python, but under Detach.
//   - With the GIL held, wait for nothing that may need it: no channel, no lock that another goroutine holds while it
//     enters Python. Detach first.
//   - With a lock of your own held, do not enter Python, unless nobody takes that lock with the GIL held.
//
// References may be released anywhere, as pybridge does: those that a goroutine without the GIL releases are dropped by the
// next goroutine that holds it.
package gil
