package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// toPython converts and releases at the end of the test.
func toPython(t testing.TB, tok gil.Token, v any) *pybridge.Object {
	t.Helper()
	o, err := pybridge.ToPython(tok, v)
	require.NoError(t, err)
	t.Cleanup(o.Release)
	return o
}

func repr(t testing.TB, tok gil.Token, o *pybridge.Object) string {
	t.Helper()
	text, err := o.Repr(tok)
	require.NoError(t, err)
	return text
}

// call calls fn and releases the result at the end of the test.
func call(t testing.TB, tok gil.Token, fn *pybridge.Object, args ...any) *pybridge.Object {
	t.Helper()
	result, err := fn.Call(tok, args...)
	require.NoError(t, err, "%+v", err)
	t.Cleanup(result.Release)
	return result
}

func as[T any](t testing.TB, tok gil.Token, o *pybridge.Object) T {
	t.Helper()
	v, err := pybridge.As[T](tok, o)
	require.NoError(t, err)
	return v
}

// raised runs statements that must raise, from a file, so that tracebacks show their lines.
func raised(t testing.TB, tok gil.Token, source string) *pybridge.Error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program.py")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	run := pythontest.Define(t, tok, `
def run(source, file):
    exec(compile(source, file, "exec"), {"__name__": "program"})
`, "run")
	_, err := run.Call(tok, source, file)
	var e *pybridge.Error
	require.ErrorAs(t, err, &e)
	return e
}

// needs skips the test on a Python older than 3.minor.
func needs(t testing.TB, minor int, what string) {
	t.Helper()
	if v := pythontest.Runtime().Version(); v.Minor < minor {
		t.Skipf("%s: from Python 3.%d on, this is %s", what, minor, v)
	}
}

// script is the main function of a script: what it fails with is printed, and its exit code 1.
func script(f func(ctx context.Context) error) func() int {
	return func() int {
		if err := f(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "%+v\n", err)
			return 1
		}
		return 0
	}
}

// running is a script that starts Python and closes it afterwards.
func running(f func(ctx context.Context, rt *pybridge.Runtime) error, opts ...pybridge.Option) func() int {
	return script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, opts...)
		if err != nil {
			return err
		}
		return errors.Join(f(ctx, rt), rt.Close(ctx))
	})
}

// runs runs a script that must succeed, and gives what it printed.
func runs(t *testing.T, name string, env ...string) string {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, name, env...)
	require.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%s", stdout, stderr)
	return stdout
}

// statements runs Python statements in a script.
func statements(ctx context.Context, rt *pybridge.Runtime, source string) error {
	return gil.With(ctx, func(tok gil.Token) error { return rt.RunMain(tok, source, "<script>") })
}

// drained takes the GIL until nothing waits to be released.
func drained(t testing.TB) {
	t.Helper()
	for gil.Stats().Pending > 0 {
		pythontest.With(t, func(gil.Token) {})
	}
}

func assertConversionError(t testing.TB, err error, path, reason string) {
	t.Helper()
	var failure *pybridge.ConversionError
	if assert.ErrorAs(t, err, &failure) {
		assert.Equal(t, path, failure.Path)
		assert.Contains(t, failure.Error(), reason)
	}
}

// replace puts text in the place of the source's %s.
func replace(source, text string) string { return strings.ReplaceAll(source, "%s", text) }
