package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// interruptionsVariable says how many calls TestInterruptionsLeaveNothingBehind makes.
const interruptionsVariable = "GOPYRPC_INTERRUPTIONS"

const (
	interruptions = 1000
	interrupters  = 8                // callers at once
	endsWithin    = 30 * time.Second // those calls whose callers have left, when no more are made
)

func init() {
	pythontest.Register("interruptions", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		n, err := strconv.Atoi(os.Getenv(interruptionsVariable))
		if err != nil {
			return err
		}
		run, leftBehind, err := runProgram(ctx, rt, "testdata/interrupted.py", "left_behind")
		if err != nil {
			return err
		}
		defer run.Release()
		defer leftBehind.Release()
		return interruptAll(ctx, n, run, leftBehind)
	}))
	pythontest.Register("interruptions everywhere", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		run, everywhere, err := runProgram(ctx, rt, "testdata/everywhere.py", "everywhere")
		if err != nil {
			return err
		}
		defer run.Release()
		defer everywhere.Release()
		if err := loadInterrupt(ctx, run); err != nil {
			return err
		}
		data, raised, err := everywhere.CallBytes(ctx, nil, nil)
		raised.Release()
		fmt.Printf("%s", data)
		return err
	}))
}

// runProgram gives the functions run and name of a program.
func runProgram(ctx context.Context, rt *pybridge.Runtime, file, name string) (run, named *pybridge.Object, err error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	err = gil.With(ctx, func(tok gil.Token) error {
		if err := rt.RunMain(tok, string(source), filepath.Base(file)); err != nil {
			return err
		}
		main, err := rt.Import(tok, "__main__")
		if err != nil {
			return err
		}
		defer main.Release()
		if run, err = main.Attr(tok, "run"); err != nil {
			return err
		}
		named, err = main.Attr(tok, name)
		return err
	})
	return run, named, err
}

// interruptAll makes n calls that end by being interrupted, and says what they have left behind.
func interruptAll(ctx context.Context, n int, run, leftBehind *pybridge.Object) error {
	var next, left atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, interrupters)
	for range interrupters {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				stuck, err := interruptOne(ctx, run, i)
				if err != nil {
					errs <- err
					return
				}
				left.Add(stuck)
			}
		})
	}
	wg.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return err
	}
	deadline := time.Now().Add(endsWithin)
	for len(gil.Stats().Stuck) > 0 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond) // for those that are about to end
	}
	for _, s := range gil.Stats().Stuck {
		fmt.Printf("stuck for %v: %s\n%s\n", s.For, s.Label, s.Stack)
	}
	data, _, err := leftBehind.CallBytes(ctx, nil, nil)
	fmt.Printf("%d calls, %d left: %s\n", n, left.Load(), data)
	return err
}

// interruptCall makes the call number i with a deadline, and gives what came of it.
func interruptCall(ctx context.Context, run *pybridge.Object, i int64) error {
	const shortest, longest = 2, 40
	after := time.Duration(shortest+i*i%(longest-shortest)) * time.Millisecond
	ctx, cancel := context.WithTimeout(gil.WithLabel(ctx, fmt.Sprint("call ", i)), after)
	defer cancel()
	_, _, err := run.CallBytes(ctx, []byte{byte(i % 251)}, nil)
	return err
}

// loadInterrupt has the bridge load its part for interruptions, which a call does that is interrupted: not one whose
// time is over before it begins, nor one that its caller leaves before the watchdog gets the GIL.
func loadInterrupt(ctx context.Context, run *pybridge.Object) error {
	for i := int64(1); ; i++ {
		err := interruptCall(ctx, run, i)
		var interrupted *gil.InterruptedError
		if errors.As(err, &interrupted) && !interrupted.Stuck && len(gil.Stats().Stuck) == 0 {
			return nil
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("call %d was not interrupted: %w", i, err)
		}
	}
}

// interruptOne makes the call number i, and reports whether it was left.
func interruptOne(ctx context.Context, run *pybridge.Object, i int64) (stuck int64, err error) {
	err = interruptCall(ctx, run, i)
	var interrupted *gil.InterruptedError
	switch {
	case errors.As(err, &interrupted) && interrupted.Stuck:
		return 1, nil
	case errors.Is(err, context.DeadlineExceeded): // also: it did not begin
		return 0, nil
	}
	return 0, fmt.Errorf("call %d was not interrupted: %w", i, err)
}

// TestInterruptionsLeaveNothingBehind interrupts functions wherever they are, in threads that start, executors, event
// loops, queues, locks of all kinds, logging, imports and context managers: nothing that `with` took stays taken, no
// thread and no later call is harmed, and every call ends.
func TestInterruptionsLeaveNothingBehind(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "interruptions", fmt.Sprint(interruptionsVariable, "=", interruptions))
	assert.Equal(t, 0, code, stderr)
	assert.Regexp(t, `^1000 calls, \d+ left: \n$`, stdout)
	assert.NotContains(t, stderr, "Interrupted")
	t.Log(stdout)
}

// TestInterruptionsEverywhere does so at each place where a function can be interrupted, one after the other.
func TestInterruptionsEverywhere(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "interruptions everywhere")
	assert.Equal(t, 0, code, stderr)
	places, problems, _ := strings.Cut(stdout, "\n")
	assert.Empty(t, problems)
	n, err := strconv.Atoi(strings.TrimSuffix(places, " places"))
	assert.NoError(t, err)
	assert.Greater(t, n, 100)
	t.Log(places)
}
