package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const exitHooks = `
import atexit, sys
atexit.register(lambda: print("hook", end=" "))
print("buffered", end=" ")
`

// nativeThread starts a thread that threading knows nothing of, as one that an extension module has.
const nativeThread = `
import _thread
inside, never = _thread.allocate_lock(), _thread.allocate_lock()
inside.acquire()
never.acquire()
def endless():
    inside.release()
    never.acquire()
_thread.start_new_thread(endless, ())
inside.acquire()
`

func init() {
	for name, policy := range map[string]pybridge.FinalizePolicy{"never": pybridge.FinalizeNever, "graceful": pybridge.FinalizeGraceful} {
		pythontest.Register("join, finalise "+name, script(func(ctx context.Context) error {
			rt, err := pybridge.Start(ctx, pybridge.WithFinalize(policy))
			if err != nil {
				return err
			}
			if err := statements(ctx, rt, exitHooks); err != nil {
				return err
			}
			report, err := rt.Join(ctx)
			fmt.Println(steps(report))
			return err
		}))
	}
	pythontest.Register("join during a call", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		inside, result := make(chan struct{}), make(chan error)
		go func() {
			result <- gil.With(ctx, func(tok gil.Token) error {
				close(inside)
				waiting := func() {
					for !errors.Is(entry(ctx), pybridge.ErrClosed) { // until the join has begun
						runtime.Gosched()
					}
				}
				return errors.Join(gil.Detach(tok, waiting), rt.RunMain(tok, "print('finished')", "x"))
			})
		}()
		<-inside
		return errors.Join(rt.Close(ctx), <-result)
	}))
	pythontest.Register("join with a deadline", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		if err != nil {
			return err
		}
		inside, leave, result := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			result <- gil.With(gil.WithLabel(ctx, "the slow one"), func(tok gil.Token) error {
				f, err := pybridge.NewFunc(tok, ctx, "wait", func(context.Context, []any, map[string]any) (any, error) {
					close(inside)
					<-leave
					return nil, nil
				})
				if err != nil {
					return err
				}
				defer f.Release()
				o, err := f.Call(tok)
				o.Release()
				return err
			})
		}()
		<-inside
		short, cancel := context.WithCancel(ctx)
		cancel()
		report, err := rt.Join(short)
		fmt.Println(strings.Contains(fmt.Sprint(err), "the slow one"), errors.Is(err, context.Canceled))
		fmt.Println(steps(report))
		close(leave)
		fmt.Println(<-result)
		return nil
	}))
	pythontest.Register("broken hooks", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		err = statements(ctx, rt, "import atexit, sys\nclass Broken:\n    closed = False\n    def flush(self): raise OSError('no space')\n    def write(self, s): pass\nsys.stdout = Broken()\natexit.register(lambda: print('hook', file=sys.__stdout__))\n")
		fmt.Println(err, strings.Contains(fmt.Sprint(rt.Close(ctx)), "sys.stdout: OSError: no space"))
		return nil
	}))
	pythontest.Register("native threads at the end", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		if err != nil {
			return err
		}
		err = statements(ctx, rt, nativeThread)
		report, joinErr := rt.Join(ctx)
		fmt.Println(strings.Contains(report.String(), "a native thread in endless"), steps(report)["interpreter"])
		return errors.Join(err, joinErr)
	}))
	pythontest.Register("hooks without imports", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		err = statements(ctx, rt, exitHooks+"import builtins\nbuiltins.__import__ = None\nsys.modules.clear()\n")
		return errors.Join(err, rt.Close(ctx))
	}))
	pythontest.Register("join in a callback", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		err = gil.With(ctx, func(tok gil.Token) error {
			f, err := pybridge.NewFunc(tok, ctx, "close", func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
				_, joinErr := rt.Join(ctx)
				fmt.Println(errors.Is(rt.Close(ctx), pybridge.ErrInCallback), errors.Is(joinErr, pybridge.ErrInCallback))
				return nil, entry(ctx)
			})
			if err != nil {
				return err
			}
			defer f.Release()
			o, err := f.Call(tok)
			o.Release()
			return err
		})
		return errors.Join(err, entry(ctx), rt.Close(ctx))
	}))
	pythontest.Register("nobody holds", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		if err != nil {
			return err
		}
		err = rt.Close(ctx)
		// More goroutines than there are threads, each with one of its own, so that the owner's is among them.
		var all, locked sync.WaitGroup
		var holders atomic.Int32
		leave := make(chan struct{})
		for range 4 * gil.Stats().OSThreads {
			locked.Add(1)
			all.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				if gil.Held() {
					holders.Add(1)
				}
				locked.Done()
				<-leave
			})
		}
		locked.Wait()
		close(leave)
		all.Wait()
		fmt.Println(holders.Load())
		return err
	}))
	pythontest.Register("close twice", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		entered, leave := make(chan struct{}), make(chan struct{})
		err = rt.Registry().Register(cleanup.PhaseFlush, "slow", func(ctx context.Context) error {
			fmt.Println("inside:", rt.Close(ctx))
			close(entered)
			<-leave
			return errors.New("slow step fails")
		})
		first, second := make(chan error), make(chan error)
		go func() { first <- rt.Close(ctx) }()
		<-entered
		go func() { second <- rt.Close(ctx) }()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		fmt.Println("no time:", errors.Is(rt.Close(ended), context.Canceled))
		select {
		case err := <-second:
			fmt.Println("too early:", err)
		default:
		}
		close(leave)
		fmt.Println((<-first).Error() == (<-second).Error())
		return err
	}))
	pythontest.Register("threads at the end", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		if err != nil {
			return err
		}
		err = statements(ctx, rt, "import threading\nthreading.Thread(target=threading.Event().wait, name='endless', daemon=True).start()\n")
		report, joinErr := rt.Join(ctx)
		fmt.Println(strings.Contains(report.String(), "endless (daemon)"), steps(report)["interpreter"])
		return errors.Join(err, joinErr)
	}))
}

func steps(r cleanup.Report) map[string]cleanup.Outcome {
	out := map[string]cleanup.Outcome{}
	for _, s := range r.Steps {
		out[s.Name] = s.Outcome
	}
	return out
}

func TestJoinRunsHooksAndFlushes(t *testing.T) {
	for name, outcome := range map[string]string{"never": "interpreter:skipped", "graceful": "interpreter:released"} {
		out := runs(t, "join, finalise "+name)
		assert.Contains(t, out, "buffered hook ", name)
		assert.Contains(t, out, outcome)
		assert.Equal(t, 1, strings.Count(out, "hook "), "hooks run once")
	}
}

func TestJoinWaitsForCalls(t *testing.T) {
	assert.Equal(t, "finished\n", runs(t, "join during a call"))
}

func TestJoinDeadlineNamesTheCall(t *testing.T) {
	out := runs(t, "join with a deadline")
	assert.Contains(t, out, "true true\n")
	assert.Contains(t, out, "drain python calls:failed")
	assert.Contains(t, out, "interpreter:skipped", "not finalised with a call inside")
	assert.True(t, strings.HasSuffix(out, "<nil>\n"), "the call still ends well: %s", out)
}

func TestJoinReportsBrokenFlush(t *testing.T) {
	assert.Equal(t, "<nil> true\nhook\n", ordered(runs(t, "broken hooks")))
}

// ordered puts what Go printed before what Python did: their buffers know nothing of each other.
func ordered(out string) string {
	lines := strings.SplitAfter(out, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "<nil>") {
			return l + strings.Join(append(lines[:i:i], lines[i+1:]...), "")
		}
	}
	return out
}

// TestSecondCloseWaitsForTheFirst: a program that returned from main meanwhile would cut it short.
func TestSecondCloseWaitsForTheFirst(t *testing.T) {
	assert.Equal(t, "inside: cleanup: Run called from inside a step\nno time: true\ntrue\n", runs(t, "close twice"))
}

// TestNobodyHoldsAfterFinalising: the owner's thread goes back to Go, and other goroutines come to it.
func TestNobodyHoldsAfterFinalising(t *testing.T) {
	assert.Equal(t, "0\n", runs(t, "nobody holds"))
}

func TestJoinDoesNotFinaliseUnderThreads(t *testing.T) {
	assert.Equal(t, "true skipped\n", runs(t, "threads at the end"))
	assert.Equal(t, "true skipped\n", runs(t, "native threads at the end"))
}

// TestFlushNeedsNoImport: a program that broke imports still has its output and its hooks.
func TestFlushNeedsNoImport(t *testing.T) {
	assert.Equal(t, "buffered hook ", runs(t, "hooks without imports"))
}

// TestJoinInCallbackIsRefused: it would wait for the call that it is part of, and close under it.
func TestJoinInCallbackIsRefused(t *testing.T) {
	assert.Equal(t, "true true\n", runs(t, "join in a callback"))
}
