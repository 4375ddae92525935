//go:build !linux

package pybridge_test

import (
	"os"
	"syscall"
)

// abort sends SIGABRT to the process.
func abort() error { return syscall.Kill(os.Getpid(), syscall.SIGABRT) }
