//go:build !linux

package launch

import "syscall"

// ownGroup starts a worker in a process group of its own. It outlives a launcher that was killed.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
