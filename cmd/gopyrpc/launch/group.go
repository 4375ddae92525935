// Package launch runs the workers of one group on this machine, as torchrun does: copies of a command
// that differ in their environment, of which one that fails ends all.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// MaxWorkers is a bound on what is a group and what is a typing error.
const MaxWorkers = 1024

// Group says what to run.
type Group struct {
	Workers        int
	Command        []string  // the program and its arguments
	Environ        []string  // what the workers have besides this process's environment
	Stdin          io.Reader // for worker 0; the others have none
	Stdout, Stderr io.Writer
	Grace          time.Duration // between SIGTERM and SIGKILL

	running sync.Map // of *worker: those that have a process, which has not been reaped
	ranks   sync.Map // of int, by the number of the process: those that have had one
	killed  atomic.Bool
}

// Failed is a worker that ended with another status than 0, or by a signal.
type Failed struct {
	Rank   int
	PID    int
	Code   int
	Signal syscall.Signal // 0 for none
}

func (f *Failed) Error() string {
	if f.Signal != 0 {
		return fmt.Sprintf("worker %d (process %d) was ended by signal %d (%s)", f.Rank, f.PID, int(f.Signal), f.Signal)
	}
	return fmt.Sprintf("worker %d (process %d) failed with status %d", f.Rank, f.PID, f.Code)
}

// Status is what a shell would report of the worker.
func (f *Failed) Status() int {
	if f.Signal != 0 {
		return 128 + int(f.Signal)
	}
	return f.Code
}

// Run starts the workers and waits until all have ended. When one has failed the others are ended, and the error is the
// [Failed] of that whose failure came first; so is the cause of ctx, whose end ends all. At [ReportFD] each worker has
// the pipe of which [ReportVariable] tells.
func (g *Group) Run(ctx context.Context) error {
	where, err := newMeeting()
	if err != nil {
		return err
	}
	defer where.close()
	said, err := newReports()
	if err != nil {
		return err
	}
	defer said.close()
	stop, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	failures, ended := g.startAll(stop, where, said)
	select {
	case first := <-failures:
		cancel(g.blame(said, first, failures))
	case <-ended:
	}
	<-ended
	select {
	case first := <-failures: // of the last that ended
		cancel(g.blame(said, first, failures))
	default:
	}
	return context.Cause(stop)
}

// startAll runs the workers on goroutines of their own, and says what those that failed by themselves failed with.
func (g *Group) startAll(stop context.Context, where *meeting, said *reports) (failures chan error, ended chan struct{}) {
	failures, ended = make(chan error, g.Workers), make(chan struct{})
	stdout, stderr := newScreens(g.Stdout, g.Stderr)
	var all sync.WaitGroup
	for rank := range g.Workers {
		w := &worker{rank: rank, grace: g.Grace}
		w.cmd = exec.Command(g.Command[0], g.Command[1:]...)
		w.cmd.Env = slices.Concat(os.Environ(), where.env, g.Environ, g.placeOf(rank), []string{said.variable()})
		w.cmd.ExtraFiles = []*os.File{said.to}
		w.stdout, w.stderr = newPrefixer(rank, stdout), newPrefixer(rank, stderr)
		if rank == 0 {
			w.stdin = g.Stdin
		}
		all.Go(func() {
			if err := g.run(stop, w); err != nil {
				failures <- err
			}
		})
	}
	go func() {
		defer close(ended)
		all.Wait()
	}()
	return failures, ended
}

// Kill ends all workers, and what they have started, without giving them time, also those that only start.
func (g *Group) Kill() {
	g.killed.Store(true)
	g.running.Range(func(w, _ any) bool {
		w.(*worker).kill()
		return true
	})
}

func (g *Group) placeOf(rank int) []string {
	r, n := strconv.Itoa(rank), strconv.Itoa(g.Workers)
	return []string{"RANK=" + r, "LOCAL_RANK=" + r, "WORLD_SIZE=" + n, "LOCAL_WORLD_SIZE=" + n}
}

// worker is one process.
type worker struct {
	rank           int
	cmd            *exec.Cmd
	stdin          io.Reader
	stdout, stderr *prefixer
	grace          time.Duration
}

// run gives an error for a worker that failed by itself; one that was stopped has not.
func (g *Group) run(stop context.Context, w *worker) error {
	// Pdeathsig comes when the thread that made the process ends, not only when the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if stop.Err() != nil {
		return nil
	}
	if err := w.start(); err != nil {
		return fmt.Errorf("worker %d did not start: %w", w.rank, err)
	}
	g.ranks.Store(w.cmd.Process.Pid, w.rank)
	g.running.Store(w, nil)
	defer g.running.Delete(w)
	if g.killed.Load() { // which may have found one worker less
		w.kill()
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		w.endWith(stop, ended)
	}()
	err := w.cmd.Wait()
	stopped := stop.Err() != nil
	close(ended)
	<-watched
	flushed := errors.Join(w.stdout.flush(), w.stderr.flush())
	switch {
	case stopped:
		return nil
	case w.cmd.ProcessState.Success() && (err == nil || errors.Is(err, exec.ErrWaitDelay)):
		return flushed
	case w.cmd.ProcessState.Success():
		return fmt.Errorf("worker %d: its output cannot be written: %w", w.rank, err)
	}
	return w.failed()
}

func (w *worker) start() error {
	w.cmd.Stdout, w.cmd.Stderr = w.stdout, w.stderr
	w.cmd.WaitDelay = w.grace // for a pipe that a child of the worker keeps open
	// A group of its own: what the terminal sends comes to the launcher alone, and from there once. And
	// as such a group may not read from the terminal, its input comes through a pipe too.
	w.cmd.SysProcAttr = ownGroup()
	if w.stdin == nil {
		return w.cmd.Start()
	}
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := w.cmd.Start(); err != nil {
		return err
	}
	go func() { // may stay in Read for as long as the launcher lives
		_, _ = io.Copy(in, w.stdin)
		_ = in.Close()
	}()
	return nil
}

// endWith ends the worker when stop does.
func (w *worker) endWith(stop context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-stop.Done():
	}
	w.signal(syscall.SIGTERM)
	grace := time.NewTimer(w.grace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		w.kill()
	}
}

// kill ends the worker's process group.
func (w *worker) kill() { w.signal(syscall.SIGKILL) }

// signal is for the worker and what it has started, as a terminal's is.
func (w *worker) signal(s syscall.Signal) {
	if w.cmd.Process.Signal(syscall.Signal(0)) == nil { // not yet reaped: the number is still its
		_ = syscall.Kill(-w.cmd.Process.Pid, s)
	}
}

func (w *worker) failed() error {
	f := &Failed{Rank: w.rank, PID: w.cmd.Process.Pid, Code: w.cmd.ProcessState.ExitCode()}
	if s, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		f.Signal = s.Signal()
	}
	return f
}
