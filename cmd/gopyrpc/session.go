package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// joinTime is how long a command waits for calls in progress when it ends.
const joinTime = 5 * time.Second

// withRuntime starts Python, runs f, and joins.
func (c *common) withRuntime(cmd *cobra.Command, f func(context.Context, *pybridge.Runtime) error, opts ...pybridge.Option) error {
	_, err := c.joined(cmd, f, opts...)
	return err
}

// joined is withRuntime with the report of the join. When the command is stopped while f is in
// Python, it joins without waiting for f any longer than [joinTime]; when the time of a call is over, than
// [leftBehindTime].
func (c *common) joined(cmd *cobra.Command, f func(context.Context, *pybridge.Runtime) error, opts ...pybridge.Option) (cleanup.Report, error) {
	ctx := cmd.Context()
	rt, err := pybridge.Start(ctx, c.options(cmd, opts...)...)
	if err != nil {
		return cleanup.Report{}, err
	}
	done := make(chan error, 1)
	go func() { done <- f(ctx, rt) }()
	err, left := c.deadline.await(ctx, c.what, done)
	var late *timeoutError
	if errors.As(err, &late) && (left || len(gate.Process.Inside()) > 0) {
		leaveBehind(ctx, rt)
		return cleanup.Report{}, err
	}
	if left {
		awaitInJoin(rt, done)
	}
	join, cancel := context.WithTimeout(context.WithoutCancel(ctx), joinTime)
	defer cancel()
	report, joinErr := rt.Join(join)
	switch inside := gate.Process.Inside(); {
	case joinErr != nil && ctx.Err() != nil && len(inside) > 0: // what did not end explains all else
		return report, fmt.Errorf("%w; still running after %v: %s", context.Cause(ctx), joinTime, strings.Join(inside, ", "))
	case err != nil && joinErr != nil:
		return report, &failures{err, joinErr}
	}
	return report, cmp.Or(err, joinErr)
}

// awaitInJoin has the join wait for what was left, once it is in Python no more: it has yet to release what it owns,
// before the join counts that. A join that is on its way takes no more steps, and counts without it.
func awaitInJoin(rt *pybridge.Runtime, done <-chan error) {
	_ = rt.Registry().Register(cleanup.PhaseObjects, "what the command was doing", func(ctx context.Context) error {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// leaveBehind joins within [leftBehindTime], whatever the call that was left behind does.
func leaveBehind(ctx context.Context, rt *pybridge.Runtime) {
	join, cancel := context.WithTimeout(context.WithoutCancel(ctx), gil.Patience)
	defer cancel()
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		_, _ = rt.Join(join) // would say again what is still running
	}()
	limit := time.NewTimer(leftBehindTime)
	defer limit.Stop()
	select {
	case <-joined:
	case <-limit.C:
	}
}

// failures are of a command that failed and of the join after it. The command's decides the status.
type failures struct{ command, join error }

func (f *failures) Error() string { return f.command.Error() + "\n" + f.join.Error() }

// withHandler is withRuntime with a handler for the module that the flags name.
func (c *common) withHandler(cmd *cobra.Command, f func(context.Context, *pybridge.Runtime, *handler.Handler) error, opts ...handler.Option) error {
	return c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		h, err := handler.New(ctx, rt, append([]handler.Option{handler.WithModule(c.module), handler.WithChildren(childrenFolder())}, opts...)...)
		if err != nil {
			return err
		}
		return f(ctx, rt, h)
	})
}
