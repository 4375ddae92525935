package pybridge_test

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// abort sends SIGABRT to the calling thread, as C's abort does. Sent to the process it would go to the main thread, and
// there it may find the race detector on a stack that Go's dump cannot read.
func abort() error {
	runtime.LockOSThread()
	return unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGABRT)
}
