package shm

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations of futex(2), for memory that processes share.
const (
	futexWait = 0
	futexWake = 1
)

func word(b []byte, at int) *uint32   { return (*uint32)(unsafe.Pointer(&b[at])) }
func word64(b []byte, at int) *uint64 { return (*uint64)(unsafe.Pointer(&b[at])) }

// all is more threads than ever sleep on a word.
const all = 1 << 30

// notify changes the word that the peer may sleep on, and wakes n of its threads that do. The flag says that one sleeps.
func notify(head []byte, bell, flag, n int) {
	atomic.AddUint32(word(head, bell), 1)
	if atomic.LoadUint32(word(head, flag)) != 0 {
		// It does not wait, so Go's scheduler need not know of it.
		_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word(head, bell))), futexWake, uintptr(n), 0, 0, 0)
	}
}

// notifyAll wakes all threads that sleep on the word, whatever the flag says: the peer can write the flag, too.
func notifyAll(head []byte, bell int) {
	atomic.AddUint32(word(head, bell), 1)
	_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word(head, bell))), futexWake, all, 0, 0, 0)
}

// sleep waits until the word changes, for ever if d is zero, and may return earlier. It is false when the wait took
// longer than d.
func sleep(bell *uint32, was uint32, d time.Duration) bool {
	var timeout *unix.Timespec
	if d > 0 {
		t := unix.NsecToTimespec(d.Nanoseconds())
		timeout = &t
	}
	_, _, errno := syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(bell)), futexWait, uintptr(was), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return errno != unix.ETIMEDOUT
}
