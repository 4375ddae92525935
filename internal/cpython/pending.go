package cpython

/*
#include "bridge.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// References given up by threads that do not hold the GIL wait here for one that does. Taking the
// GIL to release would block finalizers and cleanups behind whatever Python is doing.
var pending struct {
	n  atomic.Int64 // len(refs)+len(views), readable without the lock
	mu sync.Mutex
	// guarded by mu
	refs   []*C.PyObject
	views  []*C.Py_buffer
	wake   func()
	woken  bool // since the queue was empty
	closed bool // what is given up now is left to the process
}

// OnPending sets a function that is called, without any lock, when there are references in the queue and no holder of the
// GIL will drain it. The function must not block.
func OnPending(wake func()) {
	pending.mu.Lock()
	defer pending.mu.Unlock()
	pending.wake = wake
}

// ReleaseLater queues an owned reference for release. Any goroutine, GIL held or not; never blocks.
func ReleaseLater(r Ref) {
	enqueue(func() { pending.refs = append(pending.refs, pyObject(r)) })
}

func releaseViewLater(v *C.Py_buffer) {
	enqueue(func() { pending.views = append(pending.views, v) })
}

func enqueue(add func()) {
	drains := C.cpy_drains() != 0
	pending.mu.Lock()
	if pending.closed {
		pending.mu.Unlock()
		return
	}
	add()
	pending.n.Add(1)
	if drains {
		pending.mu.Unlock()
		return
	}
	wakeDrainer()
}

// wakeDrainer unlocks pending.mu.
func wakeDrainer() {
	wake := pending.wake
	if pending.woken || wake == nil {
		pending.mu.Unlock()
		return
	}
	pending.woken = true
	pending.mu.Unlock()
	wake()
}

// WakeDrainer is for a thread that has called [Enter], and will not drain the queue after all.
func WakeDrainer() {
	if pending.n.Load() > 0 {
		pending.mu.Lock()
		wakeDrainer()
	}
}

// closePending forgets the queue: there is no interpreter to release to.
func closePending() {
	pending.mu.Lock()
	defer pending.mu.Unlock()
	pending.closed = true
	pending.refs, pending.views = nil, nil
	pending.n.Store(0)
}

// Pending is the number of references and views that wait for release.
func Pending() int { return int(pending.n.Load()) }

// DrainPending releases up to limit references and views (all when limit ≤ 0) and returns how many.
// GIL held. User code may run: __del__ and weak-reference callbacks.
func DrainPending(limit int) (int, error) {
	if pending.n.Load() == 0 {
		return 0, nil
	}
	if !Held() {
		return 0, ErrNotHeld
	}
	refs, views := takePending(limit)
	for _, v := range views {
		C.cpy_buffer_release(v)
	}
	if len(refs) > 0 {
		C.cpy_decref((**C.PyObject)(unsafe.Pointer(&refs[0])), C.Py_ssize_t(len(refs)))
	}
	WakeDrainer() // for what came meanwhile, or is beyond the limit
	return len(refs) + len(views), nil
}

func takePending(limit int) ([]*C.PyObject, []*C.Py_buffer) {
	pending.mu.Lock()
	defer pending.mu.Unlock()
	take := func(n int) int {
		if limit <= 0 || n < limit {
			return n
		}
		return limit
	}
	nr := take(len(pending.refs))
	refs := pending.refs[:nr:nr]
	pending.refs = pending.refs[nr:]
	views := pending.views
	pending.views = nil
	if pending.n.Add(-int64(len(refs)+len(views))) == 0 {
		pending.woken = false
	}
	return refs, views
}
