package handler_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// newHandler makes a handler that is closed when the test ends.
func newHandler(t testing.TB, opts ...handler.Option) *handler.Handler {
	t.Helper()
	h, err := handler.New(t.Context(), pythontest.Runtime(), opts...)
	require.NoError(t, err, "%+v", err)
	t.Cleanup(func() { assert.NoError(t, h.Cleanup(context.Background())) })
	return h
}

// value evaluates an expression that may use the module u, which is testdata/udfs.py.
func value(t testing.TB, tok gil.Token, expression string) *pybridge.Object {
	t.Helper()
	return pythontest.Define(t, tok, "import contextlib, math, sys, udfs as u\nvalue = ("+expression+")", "value")
}

// makeUDF makes the PythonUDF of an expression for (function, args, kwargs).
func makeUDF(t testing.TB, tok gil.Token, h *handler.Handler, call string) *pybridge.Object {
	t.Helper()
	return value(t, tok, fmt.Sprintf("__import__(%q, fromlist=['_']).PythonUDF(*(%s))", h.Module(), call))
}

// pickled is the payload of an expression for (function, args, kwargs).
func pickled(t testing.TB, h *handler.Handler, call string) handler.Payload {
	t.Helper()
	var udf *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { udf = makeUDF(t, tok, h, call) })
	p, err := h.Serialize(t.Context(), udf)
	require.NoError(t, err, "%+v", err)
	t.Cleanup(p.Release)
	return p
}

// run sends a payload the way a request goes, and reads its result as the caller would.
func run(t testing.TB, h *handler.Handler, p handler.Payload) *pybridge.Object {
	t.Helper()
	sent, err := h.RunUDF(t.Context(), p)
	require.NoError(t, err, "%+v", err)
	t.Cleanup(sent.Release)
	result, err := h.Deserialize(t.Context(), sent)
	require.NoError(t, err, "%+v", err)
	t.Cleanup(result.Release)
	return result
}

// raised runs a call that must raise, and gives what its caller sees.
func raised(t testing.TB, h *handler.Handler, call string) *pybridge.Error {
	t.Helper()
	var e *pybridge.Error
	require.ErrorAs(t, h.HandleException(t.Context(), run(t, h, pickled(t, h, call))), &e)
	return e
}

// returned runs a call and converts what it returned.
func returned[T any](t testing.TB, h *handler.Handler, call string) (v T) {
	t.Helper()
	return as[T](t, succeeded(t, h, call))
}

func succeeded(t testing.TB, h *handler.Handler, call string) *pybridge.Object {
	t.Helper()
	result := run(t, h, pickled(t, h, call))
	require.NoError(t, h.HandleException(t.Context(), result))
	return result
}

func as[T any](t testing.TB, o *pybridge.Object) (v T) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		var err error
		v, err = pybridge.As[T](tok, o)
		require.NoError(t, err)
	})
	return v
}

// ran lists what udfs.record was called with since the last ran.
func ran(t testing.TB) (values []string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		var err error
		values, err = pybridge.As[[]string](tok, value(t, tok, "[u.ran.copy(), u.ran.clear()][0]"))
		require.NoError(t, err)
	})
	return values
}

// script is the main function of a script: a Python of its own, and exit code 1 for an error.
func script(f func(ctx context.Context, rt *pybridge.Runtime) error, opts ...pybridge.Option) func() int {
	return func() int {
		ctx := context.Background()
		rt, err := pybridge.Start(ctx, append(opts, pybridge.WithPath(testdata()))...)
		if err == nil {
			err = f(ctx, rt)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%+v\n", err)
			return 1
		}
		return 0
	}
}

// runs runs a script that must succeed, and gives what it printed.
func runs(t *testing.T, name string) string {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, name)
	require.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%s", stdout, stderr)
	return stdout
}

// calls is how often Python was entered.
func calls() uint64 { return uint64(gil.Stats().Hold.Count) }
