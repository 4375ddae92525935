package handler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// endless are functions of depths.py that call themselves until they raise RecursionError.
var endless = []string{
	"plain", "by_repr", "by_getattr", "by_map", "by_sorted", "by_sub", "by_reduce", "by_cache", "by_property", "by_new",
	"by_add", "by_format", "by_generator", "by_reduce_of_pickle", "by_isinstance",
}

// depths are those, and others that make or walk what is nested or chained deeply: what comes of them
// differs with the Python.
var depths = slices.Concat(endless, []string{
	"by_exec", "by_pickle", "by_unpickling", "by_tuples", "by_json", "by_json_text", "by_repr_of_lists", "by_deepcopy", "by_comparing",
	"by_parentheses", "by_minus", "by_attributes", "by_literals", "by_freeing", "by_causes", "by_contexts", "by_groups",
	"by_raising", "by_str_of_exception", "by_args_of_exception", "returned", "by_result",
})

const (
	stackVariable = "GOPYRPC_TEST_STACK" // ulimit -s, in bytes; empty once it is set
	limitVariable = "GOPYRPC_TEST_LIMIT"
)

func init() {
	if os.Getenv(limitVariable) != "" {
		runtime.LockOSThread() // init functions, and main after them, are on the first thread
	}
	pythontest.Register("depths", func() int {
		if stack := os.Getenv(stackVariable); stack != "" {
			return withStack(stack)
		}
		return script(func(ctx context.Context, rt *pybridge.Runtime) error { return goDeep(ctx, rt) })()
	})
}

func withStack(stack string) int {
	size, err := strconv.ParseUint(stack, 10, 64)
	if err == nil {
		var limit syscall.Rlimit
		err = syscall.Getrlimit(syscall.RLIMIT_STACK, &limit)
		limit.Cur = size
		if err == nil {
			err = syscall.Setrlimit(syscall.RLIMIT_STACK, &limit)
		}
	}
	if err == nil {
		_ = os.Setenv(stackVariable, "")
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func goDeep(ctx context.Context, rt *pybridge.Runtime) error {
	h, err := handler.New(ctx, rt)
	if err != nil {
		return err
	}
	if os.Getenv(limitVariable) == "raised" {
		if _, err := h.RunUDF(ctx, globalOf("depths", "raise_limit", "")); err != nil {
			return err
		}
	}
	onFirst := allDepths(ctx, rt, h, "on the process's first thread")
	onOther := make(chan error)
	go func() { onOther <- allDepths(ctx, rt, h, "on another thread") }()
	if err := errors.Join(onFirst, <-onOther); err != nil {
		return err
	}
	fmt.Println("survived")
	return h.Cleanup(ctx)
}

func allDepths(ctx context.Context, rt *pybridge.Runtime, h *handler.Handler, where string) error {
	fmt.Println(where)
	for _, name := range depths {
		fmt.Print(name, ": ") // the one that ends the process is seen
		fmt.Print(remoteClass(ctx, h, name), ", ")
		fmt.Println(directClass(ctx, rt, name))
		if err := after(ctx, h); err != nil {
			return fmt.Errorf("%s, after %s: %w", where, name, err)
		}
	}
	return nil
}

// remoteClass says what the caller of a function of depths.py sees of it.
func remoteClass(ctx context.Context, h *handler.Handler, name string) string {
	out, err := h.RunUDF(ctx, globalOf("depths", name, ""))
	if err != nil {
		return classOf(err)
	}
	result, err := h.Deserialize(ctx, out)
	if err != nil {
		return "deserialize: " + classOf(err)
	}
	defer result.Release()
	return classOf(h.HandleException(ctx, result))
}

// directClass calls the function as Go programs do, without the handler, and says what it raised.
func directClass(ctx context.Context, rt *pybridge.Runtime, name string) string {
	return classOf(gil.With(ctx, func(t gil.Token) error {
		module, err := rt.Import(t, "depths")
		if err != nil {
			return err
		}
		defer module.Release()
		result, err := module.CallMethod(t, name)
		result.Release()
		return err
	}))
}

func classOf(err error) string {
	var e *pybridge.Error
	switch {
	case err == nil:
		return "returned"
	case errors.As(err, &e):
		return e.Type
	}
	return err.Error()
}

// TestDepths: with as much stack as there usually is, with little, and without a limit. Whatever recurses
// ends as an exception, on every thread, and the calls after it are served.
func TestDepths(t *testing.T) {
	for _, c := range []struct{ name, stack, limit string }{
		{"as usual", "8388608", "default"},
		{"little stack", "1048576", "raised"},
		{"no limit of stack", "18446744073709551615", "raised"},
	} {
		t.Run(c.name, func(t *testing.T) {
			survivesDepths(t, stackVariable+"="+c.stack, limitVariable+"="+c.limit)
		})
	}
}

// TestDepthsOnAStackThatStopsGrowing: the limits follow what the first thread really has. CPython 3.12 and 3.13 have a limit
// for C code that nobody can set, and which takes the 8 MiB that are usual. So does 3.9's compiler, which has no limit for
// attributes of attributes.
func TestDepthsOnAStackThatStopsGrowing(t *testing.T) {
	size := 2 << 20
	if minor := pythontest.Runtime().Version().Minor; minor == 9 || minor == 12 || minor == 13 {
		size = 8 << 20
	}
	survivesDepths(t, append(pythontest.StackEnds(t, size, false), limitVariable+"=raised")...)
}

func survivesDepths(t *testing.T, env ...string) {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, "depths", env...)
	require.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%.3000s", stdout, stderr)
	for _, name := range endless {
		assert.Equal(t, 2, strings.Count(stdout, "\n"+name+": RecursionError, RecursionError\n"), name)
	}
	assert.Contains(t, stdout, "survived")
}
