package launch

import "syscall"

// ownGroup starts a worker in a process group of its own. It is killed when the thread that started it ends, and so when the
// launcher does, in whatever way.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
