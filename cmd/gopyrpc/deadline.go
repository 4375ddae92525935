package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
)

// deadline is --timeout of a call: how long the call may take from when Python, and the agent where there is one, run
// here. The zero value is for commands that make no such call.
type deadline struct {
	limit time.Duration        // 0 for no end
	began chan context.Context // has the call's context, once
}

// leftBehindTime bounds the join of a command that left a call behind: enough to flush what was printed, where
// the call lets go of the GIL, and no more, as the time for the call is over.
const leftBehindTime = 2 * time.Second

func (d *deadline) flag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&d.limit, "timeout", time.Minute, "`time` that the call may take, such as 300ms or 2m; 0 for no end")
}

func (d *deadline) check() error {
	if d.limit < 0 {
		return &usageError{fmt.Errorf("--timeout %v: a time that is not negative, such as 300ms or 2m; 0 for no end", d.limit)}
	}
	return nil
}

// begin makes the context of the call, whose time runs from now.
func (d *deadline) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	call, cancel := context.WithCancel(ctx)
	if d.limit > 0 {
		cancel()
		call, cancel = context.WithTimeout(ctx, d.limit)
	}
	d.began <- call
	return call, cancel
}

// peersHaste is how much earlier the end of a call's time may be noticed by the worker that it went to: that is told how
// much is left when the call is made.
const peersHaste = 100 * time.Millisecond

// over makes a [timeoutError] of the end of the call's own time, and leaves other errors as they are.
func (d *deadline) over(call context.Context, what string, err error) error {
	end, bounded := call.Deadline()
	if err == nil || !bounded || time.Until(end) > peersHaste || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &timeoutError{what: what, limit: d.limit, cause: err}
}

// await waits for what a command gives to done, until ctx ends, or its call's own time is over and the command does
// not notice, as what waits for C code outside of RunUDF does not. Then left is true: the command goes on.
func (d *deadline) await(ctx context.Context, what string, done <-chan error) (err error, left bool) {
	var call context.Context
	var over <-chan struct{}
	began := d.began
	var patience <-chan time.Time
	for {
		select {
		case err := <-done:
			if call != nil {
				err = d.over(call, what, err)
			}
			return err, false
		case <-ctx.Done():
			return context.Cause(ctx), true
		case call = <-began:
			began, over = nil, call.Done()
		case <-over: // the call's own error says more, and comes within one patience where it comes
			over = nil
			if errors.Is(call.Err(), context.DeadlineExceeded) { // and not that it has returned
				patience = time.After(4 * gil.Patience)
			}
		case <-patience:
			return d.over(call, what, context.Cause(call)), true
		}
	}
}

// timeoutError says that a call did not return in the time it had.
type timeoutError struct {
	what  string
	limit time.Duration
	cause error
}

func (e *timeoutError) Error() string {
	text := e.headline()
	if stack := stackOf(e.cause, false); stack != "" {
		text += "\n" + stack
	}
	return text
}

// headline is the error without Python's stack.
func (e *timeoutError) headline() string {
	text := fmt.Sprintf("%s did not return within %v (--timeout)", e.what, e.limit)
	var interrupted *gil.InterruptedError
	var remote *agent.Error
	switch {
	case errors.As(e.cause, &interrupted) && interrupted.Stuck:
		text += "; it does not react, as code in C does not, and was left behind"
	case errors.As(e.cause, &interrupted):
		text += ", and was interrupted"
	case errors.As(e.cause, &remote) && remote.Ran:
		text += "; it may have run, or run still"
	case errors.As(e.cause, &remote):
		text += "; it did not run: " + remote.Text
	}
	return text
}

func (e *timeoutError) Unwrap() error { return e.cause }
