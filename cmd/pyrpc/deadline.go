package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/gil"
)

// deadline is --timeout of a call: how long the call may take from when Python runs here.
type deadline struct {
	limit time.Duration // 0 for no end
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

// bound makes the context that the call runs with.
func (d *deadline) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d.limit)
}

// over makes a [timeoutError] of the end of the call's own time, and leaves other errors as they are.
func (d *deadline) over(call context.Context, what string, err error) error {
	if err == nil || !errors.Is(call.Err(), context.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &timeoutError{what: what, limit: d.limit, cause: err}
}

// awaitCall waits for what f gives to done, until ctx ends, or the call's own time is over and f does not
// notice: what waits for C code outside of RunUDF does not.
func (d *deadline) awaitCall(ctx, call context.Context, what string, done <-chan error) error {
	select {
	case err := <-done:
		return d.over(call, what, err)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-call.Done():
	}
	patience := time.NewTimer(2 * gil.Patience) // a call's own error says more, and comes within one
	defer patience.Stop()
	select {
	case err := <-done:
		return d.over(call, what, err)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-patience.C:
		return d.over(call, what, context.Cause(call))
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
		text += "; code in C does not notice, and was left behind"
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
