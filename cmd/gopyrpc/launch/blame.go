package launch

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ReportVariable tells a worker of the pipe by which it says that its program has failed: the descriptor, a colon, and the
// pipe's number (st_ino), by which a process that inherits the variable and not the pipe knows that. See
// python/gopyrpc/_rpc/failures.py, which writes a line for each failure: the process's number, the status, and true where it failed
// because it could not reach another worker, else false. That is one write to a pipe that all workers share, so that their failures are
// seen in the order in which they happened.
const ReportVariable = "GOPYRPC_LAUNCHER"

// reportFD is the first of exec.Cmd.ExtraFiles.
const reportFD = 3

// blamePatience is how long a worker that failed of another's failure waits for that one to have ended: its process may
// take longer to, or be noticed later.
const blamePatience = 500 * time.Millisecond

// report is what a worker says of its program's failure, at once and before the others can notice: the process ends
// later, and perhaps after theirs.
type report struct {
	pid, status int
	victim      bool // it failed because it could not reach another worker
}

// reports is the launcher's end of the pipe.
type reports struct {
	from  *bufio.Reader
	pipe  *os.File
	to    *os.File // what the workers inherit
	inode uint64   // of the pipe
	heard []report
}

func newReports() (*reports, error) {
	pipe, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("no pipe for the workers to report to: %w", err)
	}
	info, err := to.Stat()
	if err != nil {
		return nil, fmt.Errorf("no pipe for the workers to report to: %w", err)
	}
	r := &reports{from: bufio.NewReader(pipe), pipe: pipe, to: to}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		r.inode = stat.Ino
	}
	return r, nil
}

func (r *reports) variable() string {
	return fmt.Sprintf("%s=%d:%d", ReportVariable, reportFD, r.inode)
}

func (r *reports) close() {
	_ = r.pipe.Close()
	_ = r.to.Close()
}

// hear gives all that was reported before it was called. It does not wait: a line of its own ends what there is.
func (r *reports) hear() []report {
	const end = "end\n"
	if _, err := r.to.WriteString(end); err != nil {
		return r.heard
	}
	for {
		line, err := r.from.ReadString('\n')
		if err != nil || line == end {
			return r.heard
		}
		var said report
		if _, err := fmt.Fscanf(strings.NewReader(line), "%d %d %t\n", &said.pid, &said.status, &said.victim); err == nil {
			r.heard = append(r.heard, said)
		}
	}
}

// blame finds which worker's failure came first, of all that fail soon after the first of them has ended: one that
// failed by itself before those that lost it.
func (g *Group) blame(said *reports, first error, others <-chan error) error {
	ended := []error{first}
	patience := time.NewTimer(blamePatience)
	defer patience.Stop()
	for {
		heard := said.hear()
		if cause := g.cause(heard, ended); cause != nil {
			return cause
		}
		select {
		case next := <-others:
			ended = append(ended, next)
		case <-patience.C:
			return g.firstOf(heard, first)
		}
	}
}

// cause gives the worker that is to blame if that is known: the first that reported a failure of its own, or one that
// ended without a report, as by a signal.
func (g *Group) cause(heard []report, ended []error) error {
	if i := slices.IndexFunc(heard, func(r report) bool { return !r.victim }); i >= 0 {
		return g.firstOf(heard[i:], ended[0])
	}
	for _, err := range ended {
		failed, ok := err.(*Failed)
		if !ok || !slices.ContainsFunc(heard, func(r report) bool { return r.pid == failed.PID }) {
			return err
		}
	}
	return nil
}

// firstOf is the failure that was reported first. Its process may not have ended.
func (g *Group) firstOf(heard []report, otherwise error) error {
	for _, r := range heard {
		if rank, ok := g.ranks.Load(r.pid); ok {
			return &Failed{Rank: rank.(int), PID: r.pid, Code: r.status}
		}
	}
	return otherwise
}
