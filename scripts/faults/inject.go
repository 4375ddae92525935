package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The verdicts on a fault.
const (
	held    = "ok"
	differs = "DIFFERS"
	skipped = "skip"
)

// result is a row of the table as it is printed.
type result struct {
	Name     string  `json:"name"`
	Injected string  `json:"injected"`
	Must     string  `json:"must"`
	Did      string  `json:"did"`
	Verdict  string  `json:"verdict"`
	Status   int     `json:"status"`
	Seconds  float64 `json:"seconds"`
	Stderr   string  `json:"stderr,omitempty"` // of a fault that was different
}

// injectAll runs the faults, several at a time, and gives their results in the table's order.
func injectAll(ctx context.Context, faults []fault, parallel int) []result {
	results := make([]result, len(faults))
	free := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, f := range faults {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			results[i] = f.inject(ctx)
		})
	}
	wg.Wait()
	return results
}

// inject runs the fault in a process, and judges.
func (f fault) inject(ctx context.Context) result {
	r := result{Name: f.name, Injected: f.injected, Must: f.must, Verdict: held}
	if f.needs != nil {
		if missing := f.needs(); missing != "" {
			r.Verdict, r.Did = skipped, missing
			return r
		}
	}
	began := time.Now()
	e := f.suffer(ctx)
	r.Status, r.Seconds = e.status, time.Since(began).Seconds()
	f.judge(&r, e)
	return r
}

// judge compares how the process ended with how it had to.
func (f fault) judge(r *result, e ending) {
	var wrong []string
	for line := range strings.Lines(e.stdout) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, didLine); ok {
			r.Did = text
		} else if text, ok := strings.CutPrefix(line, wrongLine); ok {
			wrong = append(wrong, text)
		} else if text, ok := strings.CutPrefix(line, skipLine); ok {
			r.Verdict, r.Did = skipped, text
			return
		}
	}
	wrong = append(wrong, e.wrong...)
	if !slices.Contains(f.statuses(), e.status) && e.status != statusWrong {
		wrong = append(wrong, fmt.Sprintf("ended with status %d, not %v", e.status, f.statuses()))
	}
	for _, text := range f.stderr {
		if !strings.Contains(e.stderr, text) {
			wrong = append(wrong, fmt.Sprintf("nothing on stderr says %q", text))
		}
	}
	if r.Did == "" {
		r.Did = fmt.Sprintf("status %d", e.status)
	}
	if len(wrong) > 0 || e.status == statusWrong {
		r.Verdict, r.Did = differs, strings.Join(wrong, "; ")
		r.Stderr = lastLines(e.stderr, 40)
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ending is how a process ended.
type ending struct {
	status         int
	stdout, stderr string
	wrong          []string
}

// suffer runs the process, in a process group of its own, so that processes which it leaves behind are seen and ended.
func (f fault) suffer(ctx context.Context) (e ending) {
	limit := f.limit
	if limit == 0 {
		limit = defaultLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return ending{status: statusWrong, wrong: []string{err.Error()}}
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = slices.Concat(os.Environ(), f.env, []string{faultVariable + "=" + f.name, "GORACE=atexit_sleep_ms=0"})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // prints the goroutines on stderr
	cmd.WaitDelay = 10 * time.Second                                         // time for processes that end because this process has ended, see endLeft
	var stdout, stderr bytes.Buffer
	cmd.Stderr = &stderr
	var problem error
	watched := make(chan struct{})
	close(watched)
	if f.ready != nil {
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			return ending{status: statusWrong, wrong: []string{err.Error()}}
		}
		watched = make(chan struct{})
		if err := cmd.Start(); err != nil {
			return ending{status: statusWrong, wrong: []string{err.Error()}}
		}
		go func() {
			defer close(watched)
			problem = f.hit(cmd.Process.Pid, io.TeeReader(pipe, &stdout))
		}()
	} else {
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			return ending{status: statusWrong, wrong: []string{err.Error()}}
		}
	}
	<-watched // the pipe is read to its end before Wait closes it
	err = cmd.Wait()
	e.stdout, e.stderr, e.status = stdout.String(), stderr.String(), exitStatus(cmd.ProcessState)
	if problem != nil {
		e.wrong = append(e.wrong, problem.Error())
	}
	if ctx.Err() != nil {
		e.wrong = append(e.wrong, fmt.Sprintf("had not ended after %v", limit))
	} else if errors.Is(err, exec.ErrWaitDelay) {
		e.wrong = append(e.wrong, "left a process behind that holds its streams")
	}
	if left := endLeft(cmd.Process.Pid); len(left) > 0 {
		e.wrong = append(e.wrong, "left processes behind: "+strings.Join(left, ", "))
	}
	return e
}

// hit waits until the process is ready, and then does what the fault does from outside.
func (f fault) hit(pid int, stdout io.Reader) error {
	lines := bufio.NewReader(stdout)
	err := errors.New("the process never was ready")
	for {
		line, readErr := lines.ReadString('\n')
		if strings.TrimSpace(line) == readyLine {
			err = f.ready(pid)
		}
		if readErr != nil {
			return err
		}
	}
}

func exitStatus(state *os.ProcessState) int {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return state.ExitCode()
}
