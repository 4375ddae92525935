package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// answers prints what errors are, one a line.
func answers(errs ...error) {
	for _, err := range errs {
		fmt.Println(err == nil, errors.Is(err, pybridge.ErrNotStarted), errors.Is(err, pybridge.ErrClosed), errors.Is(err, pybridge.ErrFailed))
	}
}

const (
	isNil     = "true false false false\n"
	notStart  = "false true false false\n"
	isClosed  = "false false true false\n"
	hasFailed = "false false false true\n"
)

func entry(ctx context.Context) error { return gil.With(ctx, func(gil.Token) error { return nil }) }

func init() {
	pythontest.Register("life", script(func(ctx context.Context) error {
		answers(entry(ctx))
		convErr := pythontest.Misuse(func() error { _, err := pybridge.ToPython(gil.Token{}, 1); return err })
		fmt.Println(errors.Is(convErr, pybridge.ErrNotHeld))
		rt, err := pybridge.Start(ctx)
		answers(err, entry(ctx))
		var o *pybridge.Object
		answers(gil.With(ctx, func(tok gil.Token) (err error) {
			o, err = pybridge.ToPython(tok, "x")
			return err
		}))
		o.Release()
		answers(rt.Close(ctx), rt.Close(ctx), entry(ctx))
		_, err = pybridge.Start(ctx)
		_, diagnoseErr := rt.Diagnose(ctx)
		_, _, callErr := o.CallBytes(ctx, nil, nil)
		answers(err, diagnoseErr, rt.Preload(ctx, "json"), rt.OnOwner(ctx, func(gil.Token) error { return nil }))
		fmt.Println(errors.Is(callErr, pybridge.ErrReleased))
		return nil
	}))
	pythontest.Register("object after close", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		var o *pybridge.Object
		if err := gil.With(ctx, func(tok gil.Token) error { o, err = rt.Import(tok, "sys"); return err }); err != nil {
			return err
		}
		err = rt.Close(ctx)
		fmt.Println(strings.Contains(fmt.Sprint(err), "module sys"))
		_, _, err = o.CallBytes(ctx, nil, nil)
		answers(err)
		o.Release()
		o.Release()
		return nil
	}))
	pythontest.Register("shared start", script(func(ctx context.Context) error {
		first, err := pybridge.Start(ctx, pybridge.WithPermits(8))
		second, err2 := pybridge.Start(ctx, pybridge.WithPermits(8), pybridge.WithLogger(nil))
		_, err3 := pybridge.Start(ctx)
		answers(err, err2)
		fmt.Println(errors.Is(err3, pybridge.ErrAlreadyStarted))
		answers(first.Close(ctx), entry(ctx), second.Close(ctx), entry(ctx))
		return nil
	}))
	pythontest.Register("eight starts", script(func(ctx context.Context) error {
		var wg sync.WaitGroup
		runtimes := make([]*pybridge.Runtime, 8)
		for i := range runtimes {
			wg.Add(1)
			go func() {
				defer wg.Done()
				rt, err := pybridge.Start(ctx)
				if err != nil {
					fmt.Println(err)
				}
				runtimes[i] = rt
			}()
		}
		wg.Wait()
		for _, rt := range runtimes {
			answers(entry(ctx), rt.Close(ctx))
		}
		answers(entry(ctx))
		return nil
	}))
	pythontest.Register("start with the GIL held", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return gil.With(ctx, func(gil.Token) error {
			for _, f := range []func() error{
				func() error { _, err := pybridge.Start(ctx); return err },
				func() error { return rt.Close(ctx) },
				func() error { _, err := rt.Join(ctx); return err },
				func() error { _, err := rt.Diagnose(ctx); return err },
				func() error { return rt.Preload(ctx, "json") },
			} {
				fmt.Println(errors.Is(pythontest.Misuse(f), pybridge.ErrHeld))
			}
			return nil
		})
	}))
	pythontest.Register("start with an ended context", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		other, cancelOther := context.WithCancel(ctx)
		cancelOther()
		again, err := pybridge.Start(other) // started already: nothing to wait for
		if err != nil {
			return err
		}
		return errors.Join(entry(ctx), again.Close(ctx), rt.Close(ctx))
	}))
}

func TestLife(t *testing.T) {
	assert.Equal(t, notStart+"true\n"+isNil+isNil+isNil+isNil+isNil+isClosed+isClosed+isClosed+isClosed+isClosed+"true\n", runs(t, "life"))
}

func TestObjectAfterClose(t *testing.T) {
	assert.Equal(t, "true\n"+isClosed, runs(t, "object after close"))
}

func TestSharedStart(t *testing.T) {
	assert.Equal(t, isNil+isNil+"true\n"+isNil+isNil+isNil+isClosed, runs(t, "shared start"))
}

func TestConcurrentStarts(t *testing.T) {
	assert.Equal(t, strings.Repeat(isNil, 16)+isClosed, runs(t, "eight starts"))
}

func TestStartAndCloseRefuseHeldGIL(t *testing.T) {
	assert.Equal(t, strings.Repeat("true\n", 5), runs(t, "start with the GIL held"))
}

func TestStartedPythonNeedsNoWaiting(t *testing.T) {
	runs(t, "start with an ended context")
}

func TestBadOptions(t *testing.T) {
	for _, opt := range []pybridge.Option{
		pybridge.WithPermits(0), pybridge.WithSwitchInterval(0), pybridge.WithFinalize(7), pybridge.WithFinalize(-1),
	} {
		_, err := pybridge.Start(t.Context(), opt)
		assert.ErrorContains(t, err, "pybridge.Start: With")
		assert.NotErrorIs(t, err, pybridge.ErrFailed)
	}
}
