package main

import (
	"fmt"
	"net"
	"runtime"

	"github.com/gopyrpc/gopyrpc/internal/threadlimit"
)

// system is what the machine allows this process.
type system struct {
	CPUs      int       `json:"cpus"`
	Threads   int       `json:"threads"`      // how many more there may be
	Limit     string    `json:"thread_limit"` // what bounds them; empty for nothing that is known
	OpenFiles openFiles `json:"open_files"`
	Shared    *shared   `json:"shared_memory"` // null where there is no such thing
}

// openFiles is RLIMIT_NOFILE; 0 where it is not known.
type openFiles struct {
	Soft uint64 `json:"soft"` // Go programs raise it to the hard limit when they start, their children get it back
	Hard uint64 `json:"hard"`
}

// shared is the file system for shared memory: multiprocessing and torch's DataLoader put theirs there. Agents do not.
type shared struct {
	Folder string `json:"folder"`
	Size   uint64 `json:"size"` // bytes
	Free   uint64 `json:"free"`
}

// Fewer than this, and ordinary programs run into the limit.
const (
	fewThreads = 128
	fewFiles   = 256
)

func (d *diagnosis) examineSystem() {
	bound := threadlimit.Look()
	d.System = system{CPUs: runtime.NumCPU(), Threads: bound.Room, Limit: bound.Limit}
	if bound.Room < fewThreads {
		d.problem(fmt.Sprintf("this process may make only %d more threads (%s)", bound.Room, bound.Limit), bound.Raise)
	}
	d.examineFiles()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.problem(fmt.Sprintf("no worker could listen on the loopback interface (%v)", err), "bring it up (ip link set lo up)")
		return
	}
	_ = listener.Close()
}

func (s system) print(t table) {
	t.row("processors", s.CPUs)
	threads := "as many as memory allows"
	if s.Limit != "" {
		threads = fmt.Sprintf("%d more (%s)", s.Threads, s.Limit)
	}
	t.row("threads", threads)
	if s.OpenFiles.Hard > 0 {
		t.row("open files", fmt.Sprintf("%d (hard limit %d)", s.OpenFiles.Soft, s.OpenFiles.Hard))
	}
	if s.Shared != nil {
		t.row(s.Shared.Folder, fmt.Sprintf("%s, %s free", size(s.Shared.Size), size(s.Shared.Free)))
	}
}

func size(bytes uint64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}
