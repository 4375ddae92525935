package handler_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("instance", script(instances))
	pythontest.Register("join beside new", script(joinBesideNew))
}

// TestInstance runs in a process of its own: there is one instance, for good.
func TestInstance(t *testing.T) {
	assert.Equal(t, "failed, then one, then closed", runs(t, "instance"))
}

func instances(ctx context.Context, rt *pybridge.Runtime) error {
	if _, err := handler.Instance(ctx, rt, handler.WithModule("not_there")); !errors.Is(err, pybridge.ModuleNotFoundError) {
		return fmt.Errorf("a module that is not there: %w", err)
	}
	fmt.Print("failed")

	var wg sync.WaitGroup
	var got [32]*handler.Handler
	var failures [32]error
	for i := range got {
		wg.Go(func() { got[i], failures[i] = handler.Instance(ctx, rt) })
	}
	wg.Wait()
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	for _, h := range got {
		if h == nil || h != got[0] {
			return fmt.Errorf("%p is not %p", h, got[0])
		}
	}
	fmt.Print(", then one")

	if err := rt.Close(ctx); err != nil {
		return err
	}
	h, err := handler.Instance(ctx, rt)
	if err != nil || h != got[0] {
		return fmt.Errorf("after the join: %p, %w", h, err)
	}
	if _, err := h.RunUDF(ctx, handler.Payload{Data: []byte(".")}); !errors.Is(err, handler.ErrClosed) {
		return fmt.Errorf("after the join: %w", err)
	}
	fmt.Print(", then closed")
	return nil
}

// TestJoinBesideNew joins while handlers are being made: each New gives a handler, which the join
// closes, or an error; nothing is left.
func TestJoinBesideNew(t *testing.T) {
	for range 3 {
		assert.Equal(t, "clean", runs(t, "join beside new"))
	}
}

func joinBesideNew(ctx context.Context, rt *pybridge.Runtime) error {
	var wg sync.WaitGroup
	made := make(chan struct{}, 4)
	for range cap(made) {
		wg.Go(func() {
			for first := true; ; first = false {
				_, err := handler.New(ctx, rt)
				if first {
					made <- struct{}{}
				}
				if err != nil {
					return
				}
			}
		})
	}
	for range cap(made) {
		<-made
	}
	report, err := rt.Join(ctx)
	wg.Wait()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, report)
	}
	if n := pybridge.Owned(); n != 0 {
		return fmt.Errorf("%d references are left: %v", n, pybridge.Leaks())
	}
	fmt.Print("clean")
	return nil
}
