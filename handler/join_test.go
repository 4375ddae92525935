package handler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// moment is when a join comes.
type moment struct {
	begin func(*joining) error // returns when the moment is there
	end   func(*joining) error // lets what is under way finish; when the join has begun
	calls int
}

var moments = map[string]moment{
	"while nothing runs":    {begin: func(*joining) error { return nil }, end: func(*joining) error { return nil }},
	"while a function runs": {begin: func(j *joining) error { return j.readers(1) }, end: (*joining).feed, calls: 1},
	"while 1,000 calls wait": {begin: func(j *joining) error { return j.readers(1000) }, end: (*joining).feed,
		calls: 1000},
	"during a callback into Go": {begin: (*joining).enterGo, end: func(j *joining) error { close(j.leave); return nil }, calls: 1},
}

// joins are the ways to join, each done by several goroutines at once.
var joins = map[string]struct {
	join  func(*joining) error
	began func(*joining) bool
	after func(*joining) error
}{
	"Cleanup": {(*joining).cleanup, (*joining).handlerRefuses, func(j *joining) error { return j.rt.Close(j.ctx) }},
	"Close":   {(*joining).closeRuntime, (*joining).gateRefuses, func(*joining) error { return nil }},
	"SIGTERM": {(*joining).onSignal, (*joining).gateRefuses, func(*joining) error { os.Exit(statusAsked); return nil }},
}

func init() {
	for how := range joins {
		for when := range moments {
			join := func(ctx context.Context, rt *pybridge.Runtime) error { return joinAt(ctx, rt, how, when) }
			// FinalizeFull has no deadlines, which a busy machine may miss.
			pythontest.Register("join by "+how+" "+when, script(join, pybridge.WithFinalize(pybridge.FinalizeFull)))
		}
	}
	pythontest.Register("join inside", script(joinInside))
}

// joining is a process on its way to a join.
type joining struct {
	ctx    context.Context
	term   context.Context // ends with SIGTERM
	rt     *pybridge.Runtime
	h      *handler.Handler
	call   handler.Payload
	r, w   *os.File // what functions read from
	leave  chan struct{}
	calls  sync.WaitGroup
	mu     sync.Mutex
	counts map[string]int // of outcomes
}

const (
	joiners     = 3
	statusAsked = 43 // not what a signal's default action gives
)

func joinAt(ctx context.Context, rt *pybridge.Runtime, how, when string) error {
	j := &joining{ctx: ctx, rt: rt, leave: make(chan struct{}), counts: map[string]int{}}
	var err error
	if j.h, err = handler.New(ctx, rt); err != nil {
		return err
	}
	if j.r, j.w, err = os.Pipe(); err != nil {
		return err
	}
	if how == "SIGTERM" {
		term, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
		j.term = term
	}
	m, join := moments[when], joins[how]
	if err := m.begin(j); err != nil {
		return err
	}
	var joined sync.WaitGroup
	errs := make([]error, joiners)
	for i := range errs {
		joined.Go(func() { errs[i] = join.join(j) })
	}
	if how == "SIGTERM" {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
	}
	for !join.began(j) {
		runtime.Gosched()
	}
	if err := m.end(j); err != nil {
		return err
	}
	j.calls.Wait()
	joined.Wait()
	fmt.Println(j.counts["result"]+j.counts["closed"], j.counts["result"] > 0 || m.calls == 0, len(j.counts) <= 2)
	fmt.Println(errors.Join(errs...), pybridge.Owned())
	return join.after(j)
}

func (j *joining) cleanup() error { return j.h.Cleanup(j.ctx) }

func (j *joining) closeRuntime() error { return j.rt.Close(j.ctx) }

// onSignal is a program that joins when it is told to end.
func (j *joining) onSignal() error {
	<-j.term.Done()
	return j.rt.Close(context.WithoutCancel(j.term))
}

func (j *joining) handlerRefuses() bool {
	ended, cancel := context.WithCancel(j.ctx)
	cancel()
	_, err := j.h.RunUDF(ended, handler.Payload{})
	return errors.Is(err, handler.ErrClosed)
}

func (j *joining) gateRefuses() bool { return gil.Stats().State != "running" }

func (j *joining) counted(outcome string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts[outcome]++
}

// run makes n calls of an expression for (function, args, kwargs), each of them counted.
func (j *joining) run(expression string, n int) error {
	var udf *pybridge.Object
	err := gil.With(j.ctx, func(t gil.Token) error {
		builtins, err := j.rt.Import(t, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		udf, err = builtins.CallMethod(t, "eval", "__import__('gopyrpc').PythonUDF(*"+expression+")", pybridge.Dict{})
		return err
	})
	if err != nil {
		return err
	}
	defer udf.Release()
	if j.call, err = j.h.Serialize(j.ctx, udf); err != nil {
		return err
	}
	for range n {
		j.calls.Go(func() {
			switch _, err := j.h.RunUDF(j.ctx, j.call); {
			case err == nil:
				j.counted("result")
			case errors.Is(err, handler.ErrClosed):
				j.counted("closed")
			default:
				j.counted(err.Error())
			}
		})
	}
	return nil
}

// readers are n calls that wait in Python for a byte; most of a thousand wait to be let in.
func (j *joining) readers(n int) error {
	if err := j.run(fmt.Sprintf("(__import__('os').read, (%d, 1), {})", j.r.Fd()), n); err != nil {
		return err
	}
	for gil.Stats().Inside+gil.Stats().Queue < n {
		runtime.Gosched()
	}
	return nil
}

func (j *joining) feed() error {
	_, err := j.w.Write(make([]byte, 1000))
	return err
}

// enterGo has a UDF inside a Go function.
func (j *joining) enterGo() error {
	entered := make(chan struct{})
	err := setBuiltin(j.ctx, j.rt, func(context.Context) error {
		close(entered)
		<-j.leave
		return nil
	})
	if err != nil {
		return err
	}
	if err := j.run("(__import__('udfs').call_hook, (), {})", 1); err != nil {
		return err
	}
	<-entered
	return nil
}

// setBuiltin makes f what udfs.hook is.
func setBuiltin(ctx context.Context, rt *pybridge.Runtime, f func(context.Context) error) error {
	return gil.With(ctx, func(t gil.Token) error {
		fn, err := pybridge.NewFunc(t, ctx, "hook", func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return nil, f(ctx) })
		if err != nil {
			return err
		}
		defer fn.Release()
		udfs, err := rt.Import(t, "udfs")
		if err != nil {
			return err
		}
		defer udfs.Release()
		return udfs.SetAttr(t, "hook", fn)
	})
}

// joinInside joins from a UDF, by way of Go: it is told so, and nothing is closed.
func joinInside(ctx context.Context, rt *pybridge.Runtime) error {
	j := &joining{ctx: ctx, rt: rt, counts: map[string]int{}}
	var err error
	if j.h, err = handler.New(ctx, rt); err != nil {
		return err
	}
	err = setBuiltin(ctx, rt, func(ctx context.Context) error {
		fmt.Println(errors.Is(rt.Close(ctx), pybridge.ErrInCallback), gil.Stats().State)
		return nil
	})
	if err != nil {
		return err
	}
	if err := j.run("(__import__('udfs').call_hook, (), {})", 1); err != nil {
		return err
	}
	j.calls.Wait()
	fmt.Println(j.counts)
	return rt.Close(ctx)
}

// TestJoins joins by every way at every moment, thrice at once: calls that were inside have their results, all
// others ErrClosed, nothing is left, and the process ends as it wants to.
func TestJoins(t *testing.T) {
	for how := range joins {
		for when, m := range moments {
			t.Run(how+" "+when, func(t *testing.T) {
				stdout, stderr, code := pythontest.Script(t, "join by "+how+" "+when)
				status := 0
				if how == "SIGTERM" {
					status = statusAsked
				}
				assert.Equal(t, fmt.Sprintf("%d true true\n<nil> 0\n", m.calls), stdout, stderr)
				assert.Equal(t, status, code, stderr)
			})
		}
	}
}

func TestJoinInsideIsRefused(t *testing.T) {
	assert.Equal(t, "true running\nmap[result:1]\n", runs(t, "join inside"))
}
