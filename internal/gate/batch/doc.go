// Package batch runs short jobs of many callers under few permits of a gate.
//
// To hand a permit from caller to caller would cost a switch of goroutines in every call, while Python is idle, and would
// move Python's working set from core to core. So jobs that have to wait are run by a dispatcher, a goroutine that goes
// from batch to batch for as long as any waits; and jobs that wait together share a batch, which a [Runner] makes in one
// crossing into C. Without batches 64 callers need 46 % more processor time for a call, and 1,000 callers 42 %.
//
//   - queue.go: a caller has its job done: [Queue.Do].
//   - batch.go: the jobs that share one way into Python, as gate.Entrant while the batch waits and as gate.Holder inside.
//   - claims.go: which of them may still begin, agreed with C code by compare-and-swap.
//   - dispatcher.go: the goroutine that runs batches, and what becomes of a batch one job of which takes long.
//
// # What is promised
//
// Jobs and goroutines that wait for a permit themselves are one queue, first in, first out. A caller hears of its job within
// a tick (0.5 ms) of the end of it, however long the jobs behind it take. A job that blocks, or is suspended, holds
// up nobody: the jobs behind it are queued again, ahead of all others. A job whose caller's context ends before the job
// begins does not run.
//
// # Waking callers
//
// To wake a goroutine often means to wake an OS thread, and always to touch memory that is in another processor's cache,
// while Python may be waiting for the goroutine that does it. So the dispatcher wakes one caller, which wakes half of the
// others, and so on.
package batch
