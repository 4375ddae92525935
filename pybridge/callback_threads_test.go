package pybridge_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// descend goes down in turns of Go and Python, and comes up again with the depth reached.
func descend(ctx context.Context, python *pybridge.Object, f *pybridge.Object, depth int) (n int, err error) {
	err = gil.With(ctx, func(tok gil.Token) error {
		o, err := python.Call(tok, f, depth)
		if err != nil {
			return err
		}
		defer o.Release()
		n, err = pybridge.As[int](tok, o)
		return err
	})
	return n, err
}

// nested makes the two functions that call each other, calls them to the depth and gives the sum.
func nested(ctx context.Context, rt *pybridge.Runtime, depth int) (n int, err error) {
	var python, f *pybridge.Object
	err = gil.With(ctx, func(tok gil.Token) error {
		builtins, err := rt.Import(tok, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		if python, err = builtins.CallMethod(tok, "eval", "lambda f, depth: 1 + f(depth)", map[string]any{}); err != nil {
			return err
		}
		f, err = pybridge.NewFunc(tok, ctx, "descend", func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			if args[0] == int64(0) {
				return 0, nil
			}
			return descend(ctx, python, f, int(args[0].(int64))-1)
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	defer python.Release()
	defer f.Release()
	return descend(ctx, python, f, depth)
}

func init() {
	pythontest.Register("nested with one permit", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				fmt.Println(nested(ctx, rt, 10))
			}()
		}
		wg.Wait()
		return nil
	}, pybridge.WithPermits(1)))
}

func TestNestedCallbacks(t *testing.T) {
	n, err := nested(t.Context(), pythontest.Runtime(), 50)
	require.NoError(t, err)
	assert.Equal(t, 51, n)
	drained(t)
}

func TestNestedCallbacksWithOnePermit(t *testing.T) {
	assert.Equal(t, replace("%s%s%s%s%s%s%s%s", "11 <nil>\n"), runs(t, "nested with one permit"))
}

func TestCallbackFromPythonThreads(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		length := pythontest.Eval(t, tok, "len")
		f := goFunc(t, tok, func(ctx context.Context, args []any, _ map[string]any) (n any, err error) {
			if args[0] == "fail" {
				return nil, fmt.Errorf("%w: on a thread", pybridge.KeyError)
			}
			err = gil.With(ctx, func(tok gil.Token) error {
				o, err := length.Call(tok, args[0])
				if err != nil {
					return err
				}
				defer o.Release()
				n, err = pybridge.As[int](tok, o)
				return err
			})
			return n, err
		})
		threads := pythontest.Define(t, tok, `
import threading
def threads(f):
    results = []
    def run(i):
        for _ in range(20):
            value = f("x" * i)
        try:
            f("fail")
        except KeyError as e:
            results.append((value, str(e)))
    all = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for t in all: t.start()
    for t in all: t.join()
    return sorted(results)
`, "threads")
		results := as[[]pybridge.Tuple](t, tok, call(t, tok, threads, f))
		require.Len(t, results, 8)
		for i, r := range results {
			assert.Equal(t, int64(i), r[0])
			assert.Contains(t, r[1], "on a thread")
		}
	})
}

func TestCallbackThatWaitsForAnotherCaller(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			done := make(chan error)
			go func() { // not with ctx: a caller like any other
				done <- gil.With(context.Background(), func(gil.Token) error { return nil })
			}()
			return "done", <-done
		})
		assert.Equal(t, "done", as[string](t, tok, call(t, tok, f)))
	})
}

func TestCallbackKeepsThreadLocalState(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
			return nil, gil.With(ctx, func(gil.Token) error { return nil })
		})
		same := pythontest.Define(t, tok, `
import threading
def same(f):
    local = threading.local()
    local.x = 1
    before = threading.get_ident()
    try:
        1/0
    except ZeroDivisionError as e:
        f()
        import sys
        return local.x == 1 and threading.get_ident() == before and sys.exc_info()[1] is e
`, "same")
		assert.True(t, as[bool](t, tok, call(t, tok, same, f)))
	})
}

func TestConcurrentCallbacks(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			n, err := nested(context.WithoutCancel(t.Context()), pythontest.Runtime(), i)
			assert.NoError(t, err)
			assert.Equal(t, i+1, n)
		}()
	}
	wg.Wait()
	drained(t)
}
