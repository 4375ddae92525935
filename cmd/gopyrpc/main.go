// Command gopyrpc runs Python functions for Go: one call from the shell, a program, a demonstration, and
// a look at what the machine has.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	// Never touched, and so no memory. The garbage collector waits until as much again has been made: calls
	// that carry megabytes would have it run every few of them on a heap as small as this program's.
	ballast := make([]byte, 16<<20)
	status := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	runtime.KeepAlive(ballast)
	os.Exit(status)
}

// run is main with its surroundings as arguments. The status is 0 only on success, 2 for a wrong
// command line, and 128 plus the signal's number when one stopped it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Stop(signals)

	atOnce := &lastActs{}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), lastActsKey{}, atOnce))
	defer cancel(nil)
	status := make(chan int, 1)
	go func() { status <- execute(ctx, args, stdin, stdout, stderr) }()
	for {
		select {
		case s := <-status:
			var stopped *signalError
			if errors.As(context.Cause(ctx), &stopped) {
				return stopped.status()
			}
			return s
		case sig := <-signals:
			if ctx.Err() != nil { // the second one: whatever is in Python does not come back
				atOnce.run()
				return (&signalError{sig}).status()
			}
			fmt.Fprintf(stderr, "gopyrpc: %s: stopping (once more to stop at once)\n", signalName(sig))
			cancel(&signalError{sig})
		}
	}
}

// signalError is why a context was cancelled.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "stopped by " + signalName(e.signal) }

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return s.String()
}

func (e *signalError) status() int {
	if s, ok := e.signal.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}

func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &common{}
	out := &output{w: stdout}
	root := newRoot(c)
	root.SetArgs(endFlags(root, args))
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var status int
	if err != nil && c.answersJSON(cmd, args) {
		status = c.reportJSON(err, out, stderr)
	} else {
		status = report(err, stderr)
	}
	if lost := out.failure(); lost != nil && !errors.Is(err, errors.Unwrap(lost)) { // else it was just reported
		status = max(status, report(lost, stderr))
	}
	return status
}

// report prints what a command failed with, and gives its status.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	var both *failures
	if errors.As(err, &both) {
		status := report(both.command, stderr)
		_ = report(both.join, stderr)
		return status
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		fmt.Fprintln(stderr, "gopyrpc:", printable(explain(err)))
	}
	return statusOf(err)
}

// statusOf is the exit status that a command's failure means.
func statusOf(err error) int {
	var exit *exitError
	var usage *usageError
	switch {
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &usage):
		return 2
	}
	return 1
}
