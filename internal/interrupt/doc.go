// Package interrupt ends Python calls whose context has ended.
//
// A [Call] is what can be interrupted: one call of a Python function, or, in a [Scope], all that Go code calls while it
// holds the GIL. When its context ends, the call is given to the watchdog, a goroutine that takes the GIL and makes the
// call's thread raise an exception as soon as it executes bytecode again. How that is done is Python's side of it:
// [Hooks], which package pybridge provides. The watchdog comes back, at longer and longer intervals up to [Patience],
// until the call has ended: code may swallow an exception, and code in C does not notice it. In the middle of some Python
// functions nothing is raised, as others depend on them: pybridge/python/interrupt.py has those of CPython's own modules,
// and the mark @uninterruptible for those of the package gopyrpc.
//
//   - abandon.go: a call that does not react gives its permit back, so that others can come in.
//   - context.go: a call that waits in Go, called back by Python, is woken by [Context].
//   - stall.go: no call can begin any more, as all that are inside are stuck; [OnStall] tells.
//
// Package gil makes errors and statistics for users of what is known here.
package interrupt
