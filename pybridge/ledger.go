package pybridge

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// entry is one owned Python reference. It knows what it is for, so that what was never released can
// be reported by name.
type entry struct {
	ref   cpython.Ref
	label string
	stack string // of the goroutine that made it, in builds with the tag pydebug

	// uses counts the owner and every operation in progress. At zero the reference is given up: a
	// Release during a call cannot take the object away from under it.
	uses       atomic.Int32
	released   atomic.Bool
	next, prev *entry // guarded by ledger.mu
}

// ledger is every owned reference that has not been released.
var ledger struct {
	mu sync.Mutex
	// guarded by mu
	first   *entry
	n       int
	dropped int // given up by the garbage collector instead of Release
}

func newEntry(ref cpython.Ref, label string) *entry {
	e := &entry{ref: ref, label: label, stack: creationStack()}
	e.uses.Store(1)
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	e.next = ledger.first
	if e.next != nil {
		e.next.prev = e
	}
	ledger.first = e
	ledger.n++
	return e
}

func (e *entry) unlist() {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		ledger.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.next, e.prev = nil, nil
	ledger.n--
}

// use keeps the reference alive until done; false when it was released.
func (e *entry) use() bool {
	for {
		n := e.uses.Load()
		if n == 0 || e.released.Load() {
			return false
		}
		if e.uses.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (e *entry) done() {
	if e.uses.Add(-1) == 0 {
		e.unlist()
		cpython.ReleaseLater(e.ref)
	}
}

// release releases the reference once, and reports whether this call did.
func (e *entry) release() bool {
	if !e.released.CompareAndSwap(false, true) {
		return false
	}
	e.done()
	return true
}

// dropped is called by the garbage collector for an Object that was never released.
func (e *entry) dropped() {
	if e.release() {
		ledger.mu.Lock()
		ledger.dropped++
		ledger.mu.Unlock()
	}
}

// Owned is the number of Python references that Go holds.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func Owned() int {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	return ledger.n
}

// Dropped is the number of Objects that were left to the garbage collector instead of released:
// their memory came back late, and each is a place to add a Release.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func Dropped() int {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	return ledger.dropped
}

// Leaks lists what is owned at present, by name, newest first; in builds with the tag pydebug also by
// the stack that made it.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func Leaks() []cleanup.Leak {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	var leaks []cleanup.Leak
	index := map[[2]string]int{}
	for e := ledger.first; e != nil; e = e.next {
		key := [2]string{e.label, e.stack}
		i, seen := index[key]
		if !seen {
			i = len(leaks)
			index[key] = i
			leaks = append(leaks, cleanup.Leak{Name: e.label, Stack: e.stack})
		}
		leaks[i].Count++
	}
	return leaks
}

// adopt makes an Object of an owned reference.
func adopt(ref cpython.Ref, label string) *Object {
	o := &Object{entry: newEntry(ref, label)}
	o.cleanup = runtime.AddCleanup(o, (*entry).dropped, o.entry)
	return o
}
