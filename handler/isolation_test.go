package handler_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// vandals are functions of udfs.py that break the interpreter they run in.
var vandals = []string{"clear_modules", "close_streams", "break_import", "delete_builtins"}

func init() {
	for _, name := range vandals {
		pythontest.Register(name, script(func(ctx context.Context, rt *pybridge.Runtime) error { return survive(ctx, rt, name) }))
	}
}

// TestVandalsHarmOnlyThemselves: the calls that come after are served as before. Each in a process of
// its own, as the interpreter is broken afterwards.
func TestVandalsHarmOnlyThemselves(t *testing.T) {
	for _, name := range vandals {
		t.Run(name, func(t *testing.T) { assert.Equal(t, "survived", runs(t, name)) })
	}
}

// global makes the payload of PythonUDF(udfs.name, args) by hand: after what the vandals do, nothing
// else can be relied on to make it.
func global(name, args string) handler.Payload { return globalOf("udfs", name, args) }

func globalOf(module, name, args string) handler.Payload {
	return handler.Payload{Data: []byte("cgopyrpc.internal\nPythonUDF\n(c" + module + "\n" + name + "\n(" + args + "t(dtR.")}
}

func survive(ctx context.Context, rt *pybridge.Runtime, vandal string) error {
	h, err := handler.New(ctx, rt)
	if err != nil {
		return err
	}
	if _, err := h.RunUDF(ctx, global("greet", "V0\n")); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	if _, err := h.RunUDF(ctx, global(vandal, "")); err != nil {
		return fmt.Errorf("the vandal: %w", err)
	}
	for i := range 2 {
		if err := after(ctx, h); err != nil {
			return fmt.Errorf("%d after: %w", i, err)
		}
	}
	if err := h.Cleanup(ctx); err != nil {
		return err
	}
	if n := pybridge.Owned(); n != 0 {
		return fmt.Errorf("%d references left", n)
	}
	fmt.Print("survived")
	return nil
}

// after makes one call that returns, one that raises, and one that cannot be read.
func after(ctx context.Context, h *handler.Handler) error {
	out, err := h.RunUDF(ctx, global("greet", "Vyou\n"))
	if err != nil {
		return fmt.Errorf("a good call: %w", err)
	}
	result, err := h.Deserialize(ctx, out)
	if err != nil {
		return fmt.Errorf("its result: %w", err)
	}
	defer result.Release()
	err = gil.With(ctx, func(t gil.Token) error {
		if text, err := pybridge.As[string](t, result); err != nil || text != "Hello, you" {
			return fmt.Errorf("its result: %q, %w", text, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, err = h.RunUDF(ctx, global("refuse", "I5\n"))
	if err != nil {
		return fmt.Errorf("one that raises: %w", err)
	}
	remote, err := h.Deserialize(ctx, out)
	if err != nil {
		return fmt.Errorf("its RemoteException: %w", err)
	}
	defer remote.Release()
	if err := h.HandleException(ctx, remote); !errors.Is(err, pybridge.Class("udfs.Refused")) || !errors.Is(err, pybridge.LookupError) {
		return fmt.Errorf("its exception: %+v", err)
	}
	if _, err := h.RunUDF(ctx, handler.Payload{Data: []byte("junk")}); !errors.Is(err, handler.DeserializeError) {
		return fmt.Errorf("a bad payload: %+v", err)
	}
	return nil
}

// TestContextVariablesStayInTheirUDF: each call starts with an empty context, whichever thread it gets.
func TestContextVariablesStayInTheirUDF(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.swap_setting, ('set',), {})")
	for range 20 {
		assert.Equal(t, "unset", as[string](t, run(t, h, p)))
	}
	var udf *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { udf = makeUDF(t, tok, h, "(u.swap_setting, ('set',), {})") })
	for range 3 {
		result, err := h.RunPythonUDF(t.Context(), udf)
		require.NoError(t, err)
		assert.Equal(t, "unset", as[string](t, result))
		result.Release()
	}
}

// TestUserCodeImportsEmbeddedPackage: "import gopyrpc" gives the package that this binary carries.
func TestUserCodeImportsEmbeddedPackage(t *testing.T) {
	got := returned[pybridge.Tuple](t, newHandler(t), "(u.own_package, (), {})")
	assert.Equal(t, "<gopyrpc>/__init__.py", got[0])
	assert.Equal(t, true, got[1])
}

// TestTracebacksShowEmbeddedSource: there are no such files, and their lines are shown all the same.
func TestTracebacksShowEmbeddedSource(t *testing.T) {
	e := raised(t, newHandler(t), "(u.bad_call_inside_package, (), {})")
	require.ErrorIs(t, e, pybridge.TypeError)
	printed := fmt.Sprintf("%+v", e)
	assert.Contains(t, printed, `File "<gopyrpc>/_exceptions/remote.py", line`)
	assert.Contains(t, printed, `raise result.to_exception()`)
	assert.Contains(t, printed, `return gopyrpc._restricted.allow_list.AllowList("one string")`)
	assert.NotContains(t, printed, `File "<gopyrpc>/_restricted/allow_list.py", line`, "a frame of the package where the function ran")
}
