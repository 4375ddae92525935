package pyworker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/threadlimit"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// hostFunctions are the Go functions of the Host in gopyrpc/_rpc/hosts.py, which says what they take and give.
func (w *Worker) hostFunctions(t gil.Token) (map[string]any, error) {
	functions := map[string]any{}
	for name, f := range map[string]hostFunction{
		"call": w.hostCall, "call_async": w.hostCallAsync,
		"remote": w.hostRemote, "new_rref": w.hostNewRRef, "adopt": w.hostAdopt,
		"fork": w.hostFork, "unfork": w.hostUnfork, "release": w.hostRelease,
		"to_here": w.hostToHere, "local_value": w.hostLocalValue,
		"confirmed": w.hostConfirmed, "wait_confirmed": w.hostWaitConfirmed,
		"wait": w.hostWait, "set": w.hostSet,
		"shutdown": w.hostShutdown, "workers": w.hostWorkers, "refused": w.hostRefused,
		"debug_info": w.hostDebugInfo,
	} {
		where := pybridge.InPlace()
		if name == "call_async" || name == "wait" {
			where = pybridge.HoldGIL()
		}
		o, err := pybridge.NewFunc(t, w.ctx, hostFunctionName(name), func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			return f(heeding(ctx, w.rt), arguments{args})
		}, where)
		if err != nil {
			release(functions)
			return nil, err
		}
		functions[name] = o
	}
	return functions, nil
}

type hostFunction func(context.Context, arguments) (any, error)

// arguments are the positional arguments of a call from Python. Only the package gopyrpc calls these functions, so a wrong
// argument is a mistake of this project. It is an error all the same, and not a panic.
type arguments struct{ values []any }

// at returns the argument with index i, nil if it is missing.
func (a arguments) at(i int) any {
	if i < len(a.values) {
		return a.values[i]
	}
	return nil
}

func argument[T any](a arguments, i int) (v T, err error) {
	if i >= len(a.values) {
		return v, fmt.Errorf("pyworker: argument %d is missing", i)
	}
	v, ok := a.values[i].(T)
	if !ok {
		return v, fmt.Errorf("pyworker: argument %d is a %T, not a %T", i, a.values[i], v)
	}
	return v, nil
}

// secondsOf returns the argument with index i as a number of seconds.
func secondsOf(a arguments, i int) (float64, error) {
	if i < len(a.values) {
		if n, ok := a.values[i].(int64); ok {
			return float64(n), nil
		}
	}
	return argument[float64](a, i)
}

// within returns a context that ends after so many seconds, 0 for never.
func within(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	if seconds <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, duration(seconds))
}

// duration is a number of seconds that Python gave, at most a year.
func duration(seconds float64) time.Duration {
	return time.Duration(min(seconds, float64(365*24*3600)) * float64(time.Second))
}

// threadsToRun is the number of threads that calls that wait for other workers leave to calls that run. Without it, a
// call that others wait for could not run.
const threadsToRun = 8

// wait calls f, which waits for another worker and holds an OS thread meanwhile. It refuses to where too many wait.
func (w *Worker) wait(f func() error) error {
	defer w.waiting.Add(-1)
	n := w.waiting.Add(1)
	if n > w.maxWaiting {
		return &agent.Error{Code: codes.ResourceExhausted, Text: fmt.Sprintf(
			"%d Python calls wait for other workers, allowed are %d (pyworker.Config.MaxWaiting): calls are nested too deeply, or are too many at once",
			n-1, w.maxWaiting)}
	}
	var refused *threadlimit.Error
	if errors.As(threadlimit.Process.Allow(int(n), threadsToRun), &refused) {
		return &agent.Error{Code: codes.ResourceExhausted, Err: refused, Text: fmt.Sprintf(
			"%d Python calls wait for other workers, each on a thread, and this process may have no more threads (%s): %s, or make fewer calls at once",
			n-1, refused.Bound.Limit, refused.Bound.Raise)}
	}
	return f()
}

// failure returns an error to Python: as the arguments of an RpcError, or raised where a signal's handler has raised it.
func failure(err error) (any, error) {
	var raised *raisedByHandler
	if errors.As(err, &raised) {
		return nil, raised.err
	}
	return failed(err), nil
}

// failed returns an error in the form of which Python makes an RpcError: (code, worker, ran, text).
func failed(err error) pybridge.Tuple {
	var e *agent.Error
	if !errors.As(err, &e) {
		code := codes.Unknown
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			code = codes.DeadlineExceeded
		case errors.Is(err, context.Canceled):
			code = codes.Canceled
		}
		e = &agent.Error{Code: code, Text: err.Error()}
	}
	text := e.Text
	if e.Worker != "" && e.Code != codes.DeadlineExceeded { // Python begins the text of that with torch's words
		text = fmt.Sprintf("worker %s: %s", e.Worker, e.Text)
	}
	// A callee that was faster than the deadline here says so with the stack of what it interrupted behind it.
	text = strings.Replace(text, ": "+context.DeadlineExceeded.Error(), "", 1)
	return pybridge.Tuple{e.Code.String(), e.Worker, e.Ran, text}
}
