package pythontest

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// shared is written before the tests run.
var shared *pybridge.Runtime

// Runtime is the Python that [Main] started. Tests must not close it.
func Runtime() *pybridge.Runtime {
	if shared == nil {
		panic("pythontest.Runtime without pythontest.Main in TestMain") // panics: a test that cannot run at all
	}
	seen()
	return shared
}

// seen names to go test the variables that chose the interpreter: it caches results by what is read
// while tests run, and Python starts before.
var seen = sync.OnceFunc(func() {
	for _, name := range []string{"GOPYRPC_PYTHON", "VIRTUAL_ENV", "PATH", "CI"} {
		_ = os.Getenv(name)
	}
})

// With runs f while holding the GIL, under the test's name. f may end the test.
func With(t testing.TB, f func(gil.Token)) {
	t.Helper()
	seen()
	ctx := gil.WithLabel(context.WithoutCancel(t.Context()), t.Name())
	require.NoError(t, gil.With(ctx, func(tok gil.Token) error {
		f(tok)
		return nil
	}))
}

// Eval gives the value of a Python expression, released when the test ends.
func Eval(t testing.TB, tok gil.Token, expression string) *pybridge.Object {
	t.Helper()
	return Define(t, tok, "value = ("+expression+")", "value")
}

// Define runs Python statements as a module of their own and gives the value of the global name
// afterwards, released when the test ends.
func Define(t testing.TB, tok gil.Token, source, name string) *pybridge.Object {
	t.Helper()
	builtins, err := Runtime().Import(tok, "builtins")
	require.NoError(t, err)
	defer builtins.Release()
	globals, err := builtins.CallMethod(tok, "dict")
	require.NoError(t, err)
	defer globals.Release()
	require.NoError(t, globals.SetItem(tok, "__name__", "pytest"))
	done, err := builtins.CallMethod(tok, "exec", source, globals)
	require.NoError(t, err, "%+v", err)
	done.Release()
	value, err := globals.Item(tok, name)
	require.NoError(t, err)
	t.Cleanup(value.Release)
	return value
}
