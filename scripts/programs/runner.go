package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// limit is how long a program may run: an import of torch takes 1 s, and 20 s on a machine that is busy.
const limit = 3 * time.Minute

type runner struct {
	sides   []*side
	python  string
	folder  string
	command string
	dir     string // for the programs' files
}

func newRunner(ctx context.Context, opt *options) (_ *runner, err error) {
	r := &runner{sides: opt.sides}
	if r.folder, err = filepath.Abs(opt.folder); err != nil {
		return nil, err
	}
	if r.command, err = filepath.Abs(opt.command); err != nil {
		return nil, err
	}
	python, err := discover.Find(ctx, discover.Options{})
	if err != nil {
		return nil, err
	}
	r.python = python.Executable
	const probe = "import torch.distributed.rpc as rpc; rpc.TensorPipeRpcBackendOptions()"
	if out, err := exec.CommandContext(ctx, r.python, "-c", probe).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s has no torch with TensorPipe: %w: %s", r.python, err, lastLine(string(out)))
	}
	r.dir, err = os.MkdirTemp("", "gopyrpc-programs")
	return r, err
}

func (r *runner) close() { _ = os.RemoveAll(r.dir) }

// cell is what came of a program on a side.
type cell struct {
	side    *side
	printed string // by all its processes: the lines in order of the alphabet, as processes print at the same time
	failure string // how it failed, "" if it did not
	stderr  string
	took    time.Duration
}

// row runs a program on every side. The first one's result, or what was recorded of torch, is what the others are compared with.
func (r *runner) row(ctx context.Context, p program) (row, error) {
	row := row{program: p}
	for _, s := range r.sides {
		c, err := r.cell(ctx, p, s)
		if err != nil {
			return row, err
		}
		row.cells = append(row.cells, c)
	}
	if r.sides[0] == onTorch {
		row.want = row.cells[0].printed
		return row, nil
	}
	want, err := p.recorded()
	row.want = want
	return row, err
}

func (r *runner) cell(ctx context.Context, p program, s *side) (cell, error) {
	file, err := s.write(p, r.dir)
	if err != nil {
		return cell{}, err
	}
	kept, port, err := launch.KeepPort()
	if err != nil {
		return cell{}, err
	}
	defer func() { _ = syscall.Close(kept) }()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begun := time.Now()
	processes := make([]*process, max(1, p.workers))
	for rank := range processes {
		environ := []string{"MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + strconv.Itoa(port)}
		if p.workers > 0 {
			environ = append(environ, "RANK="+strconv.Itoa(rank), "WORLD_SIZE="+strconv.Itoa(p.workers))
		}
		if s.environ != nil {
			environ = append(environ, s.environ(r)...)
		}
		processes[rank] = newProcess(ctx, s.command(r, file), environ)
	}
	all := sync.WaitGroup{}
	for _, process := range processes {
		all.Go(process.run)
	}
	all.Wait()
	c := cell{side: s, took: time.Since(begun)}
	c.gather(processes)
	return c, nil
}

// gather takes what came of the processes of a program.
func (c *cell) gather(processes []*process) {
	var lines, failures []string
	for rank, p := range processes {
		lines = slices.AppendSeq(lines, strings.Lines(p.stdout.String()))
		if p.err != nil {
			failures = append(failures, fmt.Sprintf("process %d: %v: %s", rank, p.err, lastLine(p.stderr.String())))
			c.stderr += p.stderr.String()
		}
	}
	slices.Sort(lines)
	c.printed, c.failure = strings.Join(lines, ""), strings.Join(failures, "; ")
}

// process is one process of a program, with all that it starts.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr strings.Builder
	err            error
}

func newProcess(ctx context.Context, command, environ []string) *process {
	p := &process{cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = append(withoutLaunchers(os.Environ()), "PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1") // sums depend on how many threads add
	p.cmd.Env = append(p.cmd.Env, environ...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
	p.cmd.WaitDelay = time.Second // for what a program leaves behind with its output open
	return p
}

func (p *process) run() {
	p.err = p.cmd.Run()
	if errors.Is(p.err, exec.ErrWaitDelay) {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		p.err = errors.New("it left processes behind")
	}
}

// withoutLaunchers is an environment without what would make the program a worker of another group.
func withoutLaunchers(environ []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}, name)
	})
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
