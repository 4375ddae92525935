package pybridge_test

import (
	"os"
	"strconv"
	"syscall"
)

// signalThreads sends a signal to every thread of the process.
func signalThreads(sig syscall.Signal) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		if tid, err := strconv.Atoi(task.Name()); err == nil {
			_, _, _ = syscall.Syscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(tid), uintptr(sig))
		}
	}
}
