package agent

import (
	"context"
	"time"
)

// checkPeriod is how often a call that waits calls what [WithCheck] has given.
const checkPeriod = 100 * time.Millisecond

type checkKey struct{}

// WithCheck has what waits with the context that it returns call check ten times a second, on the goroutine that waits,
// until check fails: then the wait ends with that error as it is, and the call with [context.Canceled]. It is for a
// goroutine on a thread that has more to do than to wait, such as a main thread that handles signals. [Agent.Call], and
// [RRef.ToHere] and the other methods of an RRef that wait, heed it.
func WithCheck(ctx context.Context, check func() error) context.Context {
	return context.WithValue(ctx, checkKey{}, check)
}

func checkOf(ctx context.Context) func() error {
	check, _ := ctx.Value(checkKey{}).(func() error)
	return check
}

// await waits until done is closed or ctx has ended, and returns what the check of ctx failed with, if it did.
func await(ctx context.Context, done <-chan struct{}) error {
	check := checkOf(ctx)
	if check == nil {
		select {
		case <-done:
		case <-ctx.Done():
		}
		return nil
	}
	tick := time.NewTicker(checkPeriod)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := check(); err != nil {
				return err
			}
		}
	}
}

// finishChecked is finishSync for a context with a check.
func (a *Agent) finishChecked(ctx context.Context, c *clientCall, check func() error) (Reply, error) {
	a.send(ctx, c)
	for {
		slice, cancel := context.WithTimeout(ctx, checkPeriod)
		c.ReadWhile(slice)
		select {
		case <-c.done:
		case <-slice.Done():
		}
		cancel()
		select {
		case <-c.done:
			return c.Future.reply, c.Future.err
		default:
		}
		if err := ctx.Err(); err != nil {
			c.Abandon(err)
			<-c.done // at once: by Abandon, or by whoever was faster
			return c.Future.reply, c.Future.err
		}
		if err := check(); err != nil {
			c.Abandon(context.Canceled)
			<-c.done
			return Reply{}, err
		}
	}
}
