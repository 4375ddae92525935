package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/procmem"
	"github.com/gopyrpc/gopyrpc/internal/threadlimit"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// waitingCalls is more than a process of moreThreads threads can have at once.
const (
	waitingCalls = 60
	moreThreads  = 28
)

// limitFaults are limits of the system on the process's threads.
func limitFaults() []fault {
	const waits = "every result: calls wait in Go for those that have threads"
	const refused = "results, or ResourceExhausted that names the limit and how to raise it"
	return []fault{
		{name: "threads-nproc-calls", injected: "60 calls that sleep, in a process of a user who may have 40 threads (RLIMIT_NPROC)", must: waits,
			do: usual(func(w *world) { limitUser(w.probe); w.sleepers() })},
		{name: "threads-nproc-waiting", injected: "60 calls that wait for another call, of such a user", must: refused, do: withWorker(limitUser)},
		{name: "threads-cgroup-calls", injected: "60 calls that sleep, in a control group with a pids.max of 40", must: waits, needs: noGroups,
			do: usual(func(w *world) {
				defer limitGroup(w.probe)()
				w.sleepers()
			})},
		{name: "threads-cgroup-waiting", injected: "60 calls that wait for another call, in such a control group", must: refused, needs: noGroups,
			do: withWorker(limitGroup)},
		{name: "threads-address-space", injected: "60 calls that sleep, in a process that may have 1.3 GiB more of address space (RLIMIT_AS)", must: waits,
			do: usual(func(w *world) {
				limitAddressSpace(w.probe)
				w.sleepers()
			})},
	}
}

// sleepers makes the calls and checks that each has its result.
func (w *world) sleepers() {
	call := w.payload("sleep", 0.2)
	var wg sync.WaitGroup
	for range waitingCalls {
		wg.Go(func() {
			v, err := w.run(background, call)
			w.check(err == nil && v == "slept", "%v, %v", v, err)
		})
	}
	wg.Wait()
	w.did("%d results, %d OS threads, at most %d calls inside", waitingCalls, gil.Stats().OSThreads, gil.Stats().Peak)
}

// withWorker is a fault's function: after limit, it makes calls to a worker of this process, each of which waits for a second call.
func withWorker(limit func(*probe) (lift func())) func(*probe) {
	return func(p *probe) {
		w := start(p)
		worker, err := pyworker.New(background, w.rt, pyworker.Config{Config: agent.Config{Name: "w0"}})
		p.must(err)
		go func() { _ = worker.Serve() }()
		call := w.payload("sleeps_at", "w0", 0.2)
		_, err = worker.RunUDF(background, "w0", call)
		p.must(err)
		defer limit(p)()
		w.waiters(worker, call)
		_, err = worker.RunUDF(background, "w0", call)
		p.check(err == nil, "a call afterwards: %v", err)
		_, err = worker.Agent().Join(background)
		p.check(err == nil, "Join: %v", err)
	}
}

func (w *world) waiters(worker *pyworker.Worker, call handler.Payload) {
	var results, refused atomic.Int64
	var wg sync.WaitGroup
	for range waitingCalls {
		wg.Go(func() {
			sent, err := worker.RunUDF(background, "w0", call)
			if err == nil {
				_, err = w.open(sent)
			}
			var raised *pybridge.Error
			switch {
			case err == nil:
				results.Add(1)
			case errors.As(err, &raised) && strings.Contains(raised.Message, "may have no more threads") && strings.Contains(raised.Message, "raise it with"):
				refused.Add(1)
			default:
				w.check(false, "%v", err)
			}
		})
	}
	wg.Wait()
	w.check(results.Load() > 0 && refused.Load() > 0, "%d results, %d refused", results.Load(), refused.Load())
	w.did("%d results, %d × %v, %d OS threads", results.Load(), refused.Load(), codes.ResourceExhausted, gil.Stats().OSThreads)
}

// limitUser makes the process run as a user who may have moreThreads threads more than now.
func limitUser(p *probe) (lift func()) {
	if uid := 100000 + os.Getpid(); os.Getuid() == 0 { // root is exempt; a user of the process's own, as all threads of a user count
		p.must(syscall.Setgid(uid))
		p.must(syscall.Setuid(uid))
	}
	limit := uint64(threadlimit.UserThreads() + moreThreads)
	p.must(unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: limit, Max: limit}))
	return func() {} // the limit stays
}

// groupRoot is the directory where control groups with a pids controller can be made.
func groupRoot() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
			continue
		}
		probe := filepath.Join(dir, "gopyrpc-faults-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(probe, 0o755); err != nil {
			return "", err
		}
		_, err := os.Stat(filepath.Join(probe, "pids.max"))
		_ = os.Remove(probe)
		if err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no control groups with a pids controller")
}

func noGroups() string {
	if _, err := groupRoot(); err != nil {
		return "a control group cannot be made here: " + err.Error()
	}
	return ""
}

// limitGroup brings the process into a control group that may have moreThreads threads more; lift ends that.
func limitGroup(p *probe) (lift func()) {
	root, err := groupRoot()
	p.must(err)
	dir := filepath.Join(root, "gopyrpc-fault-"+strconv.Itoa(os.Getpid()))
	write := func(file string, value any) { p.must(os.WriteFile(file, fmt.Append(nil, value), 0o644)) }
	p.must(os.Mkdir(dir, 0o755))
	write(filepath.Join(dir, "cgroup.procs"), os.Getpid())
	write(filepath.Join(dir, "pids.max"), gil.Stats().OSThreads+moreThreads)
	return func() {
		write(filepath.Join(root, "cgroup.procs"), os.Getpid())
		p.must(os.Remove(dir))
	}
}

// limitAddressSpace leaves less address space than the calls would need, with a stack of 16 MiB each and what the C library
// reserves.
func limitAddressSpace(p *probe) {
	size, err := procmem.Read()
	p.must(err)
	limit := uint64(size.Virtual) + 14*96<<20
	p.must(unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}))
}
