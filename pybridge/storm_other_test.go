//go:build !linux

package pybridge_test

import (
	"os"
	"syscall"
)

// signalThreads sends a signal to the process, whichever thread gets it.
func signalThreads(sig syscall.Signal) { _ = syscall.Kill(os.Getpid(), sig) }
