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

// all is more than ever sleep on a word.
const all = 1 << 30

// ring changes the word that somebody may sleep on, and wakes n of those who do. The flag says that somebody does.
func ring(head []byte, bell, flag, n int) {
	atomic.AddUint32(word(head, bell), 1)
	if atomic.LoadUint32(word(head, flag)) != 0 {
		// It does not wait, so Go's scheduler need not know of it.
		_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word(head, bell))), futexWake, uintptr(n), 0, 0, 0)
	}
}

// ringAlways is ring for everybody who sleeps, whatever the flag says: the peer can write the flag, too.
func ringAlways(head []byte, bell int) {
	atomic.AddUint32(word(head, bell), 1)
	_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word(head, bell))), futexWake, all, 0, 0, 0)
}

// sleep waits until the word no longer is what it was, for ever if d is zero, and may return before. It is false
// when that took longer than d.
func sleep(bell *uint32, was uint32, d time.Duration) bool {
	var timeout *unix.Timespec
	if d > 0 {
		t := unix.NsecToTimespec(d.Nanoseconds())
		timeout = &t
	}
	_, _, errno := syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(bell)), futexWait, uintptr(was), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return errno != unix.ETIMEDOUT
}
