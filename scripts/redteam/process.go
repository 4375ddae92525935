package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// processLimit is how long one process may run: a victim suffers hundreds of attacks.
const processLimit = 2 * time.Minute

// process runs a role of this program in a folder of its own, passes on what the role says, and returns how the role ended,
// "" for exit status 0.
func (r *runner) process(ctx context.Context, role role, tell func(event)) string {
	dir, err := os.MkdirTemp("", "redteam-victim")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	role.Modules, role.Payloads = r.modules, r.payloads
	text, _ := json.Marshal(role)
	self, err := os.Executable()
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, processLimit)
	defer cancel()
	read, write, err := os.Pipe()
	if err != nil {
		return err.Error()
	}
	defer func() { _ = read.Close() }()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text), "PYTHONDONTWRITEBYTECODE=1", "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{write}
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return err.Error()
	}
	// A program that the attack has started must not hold the pipe open: the pipe is closed when the process has ended.
	told := make(chan struct{})
	go func() {
		defer close(told)
		for d := json.NewDecoder(read); ; {
			var e event
			if d.Decode(&e) != nil {
				return
			}
			tell(e)
		}
	}()
	err = cmd.Wait()
	_ = read.SetReadDeadline(time.Now().Add(time.Second))
	<-told
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("had not ended after %v", processLimit)
	case err == nil:
		return ""
	}
	return how(cmd.ProcessState) + lastLine(stderr.String())
}

func how(state *os.ProcessState) string {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return "ended by " + s.Signal().String()
	}
	return fmt.Sprintf("ended with status %d", state.ExitCode())
}

// lastLine is the last line of a process's stderr that is not empty. Of a crash it is the line that names the signal.
func lastLine(text string) string {
	found := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "SIGSEGV") || strings.Contains(line, "SIGABRT") {
			return " (" + cut(line, 80) + ")"
		}
		if strings.HasPrefix(line, "redteam: ") {
			found = " (" + cut(line, 160) + ")"
		}
	}
	return found
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
