package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const worldSize = 4 // of torch's tests

// afterFailure is how long a test that has failed in one process may go on in the others.
const afterFailure = 5 * time.Second

// startLimit is how long the processes of a group may take until they are ready for the first test. They import torch.
const startLimit = 2 * time.Minute

// group is the processes that run tests together, one of each rank.
type group struct {
	processes []*exec.Cmd
	lines     [worldSize]*bufio.Reader
	conns     [worldSize]net.Conn
	folder    string
}

// outcome is what a process says became of a test.
type outcome struct {
	Outcome string // passed, failed or skipped
	Text    string
}

// startGroup starts the processes, and waits until each is ready.
func (t *tests) startGroup(ctx context.Context, on string, log io.Writer) (g *group, err error) {
	g = &group{}
	defer func() {
		if err != nil {
			g.end()
		}
	}()
	if g.folder, err = os.MkdirTemp("", "conformance"); err != nil {
		return g, err
	}
	path := filepath.Join(g.folder, "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		return g, err
	}
	defer func() { _ = listener.Close() }()
	for rank := range worldSize {
		p := t.python(ctx, on, path, fmt.Sprint(rank))
		p.Stdout, p.Stderr = log, log
		if err := p.Start(); err != nil {
			return g, err
		}
		g.processes = append(g.processes, p)
	}
	deadline := time.Now().Add(startLimit)
	_ = listener.(*net.UnixListener).SetDeadline(deadline)
	for range worldSize {
		conn, err := listener.Accept()
		if err != nil {
			return g, fmt.Errorf("the processes on %s did not start: %w (-log FILE shows what they print)", on, err)
		}
		_ = conn.SetDeadline(deadline)
		var hello struct{ Rank int }
		lines := bufio.NewReader(conn)
		if err := receive(lines, &hello); err != nil {
			return g, err
		}
		g.conns[hello.Rank], g.lines[hello.Rank] = conn, lines
	}
	return g, nil
}

func receive(lines *bufio.Reader, value any) error {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, value)
}

// run has all processes run a test. A group in which a test has not ended well in every process is not to be used again.
func (g *group) run(name string, limit time.Duration) (found outcome, usable bool) {
	folder, err := os.MkdirTemp(g.folder, "test")
	if err != nil {
		return outcome{"failed", err.Error()}, false
	}
	question, _ := json.Marshal(map[string]string{"test": name, "folder": folder})
	deadline := time.Now().Add(limit)
	g.setDeadline(deadline)
	for _, conn := range g.conns {
		_, _ = conn.Write(append(question, '\n')) // the reading says what is wrong
	}
	found.Outcome = passed
	for rank := range worldSize {
		var one outcome
		if err := receive(g.lines[rank], &one); errors.Is(err, os.ErrDeadlineExceeded) {
			one = outcome{failed, fmt.Sprintf("process %d has not ended it after %v", rank, limit)}
		} else if err != nil {
			one = outcome{failed, fmt.Sprintf("process %d ended: %v", rank, err)}
		}
		if one.Outcome != passed && found.Outcome != failed {
			found = one
		}
		if one.Outcome == failed && time.Until(deadline) > afterFailure { // the others may wait for what will not come
			deadline = time.Now().Add(afterFailure)
			g.setDeadline(deadline)
		}
	}
	return found, found.Outcome != failed
}

func (g *group) setDeadline(deadline time.Time) {
	for _, conn := range g.conns {
		_ = conn.SetDeadline(deadline)
	}
}

// end ends the processes, and those that they have started.
func (g *group) end() {
	for _, p := range g.processes {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		_ = p.Wait()
	}
	for _, conn := range g.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	if g.folder != "" {
		_ = os.RemoveAll(g.folder)
	}
}
