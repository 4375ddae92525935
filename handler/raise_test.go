package handler_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestRaisingUDFKeepsItsClass(t *testing.T) {
	e := raised(t, newHandler(t), "(u.refuse, (42,), {})")
	assert.Equal(t, "udfs", e.Module)
	assert.Equal(t, "Refused", e.Type)
	assert.Equal(t, "refused with 42: ask again", e.Message)
	require.ErrorIs(t, e, pybridge.Class("udfs.Refused"))
	require.ErrorIs(t, e, pybridge.LookupError)
	assert.NotErrorIs(t, e, pybridge.KeyError)
}

// TestRaisingUDFShowsRemoteTraceback reads the callee's frames, with their source, at the caller.
func TestRaisingUDFShowsRemoteTraceback(t *testing.T) {
	printed := fmt.Sprintf("%+v", raised(t, newHandler(t), "(u.chain, (), {})"))
	for _, line := range []string{
		`udfs.py", line`, "in chain", `raise ValueError("outer") from exc`,
		"in refuse", `raise Refused(code, hint="ask again")`, "udfs.Refused: refused with 7: ask again",
		"The above exception was the direct cause", "ValueError: outer",
	} {
		assert.Contains(t, printed, line)
	}
	assert.NotContains(t, printed, "_module/handle.py", "the frames that called the function are ours and say nothing")
}

func TestRaisingUDFKeepsItsCause(t *testing.T) {
	e := raised(t, newHandler(t), "(u.chain, (), {})")
	require.ErrorIs(t, e, pybridge.ValueError)
	require.NotNil(t, e.Cause)
	assert.ErrorIs(t, e, pybridge.Class("udfs.Refused"), "through the cause")
}

// TestRaisingUDFBuiltins includes classes that are not made of a text, and texts that torch garbles.
func TestRaisingUDFBuiltins(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct {
		raise   string
		class   pybridge.Class
		message string
	}{
		{`KeyError("k")`, pybridge.KeyError, "'k'"},
		{`ValueError("C:\\users\\\xe9")`, pybridge.ValueError, "C:\\users\\\u00e9"},
		{`ValueError("a\0b")`, pybridge.ValueError, "a\x00b"},
		{`ValueError("a\ud800")`, pybridge.ValueError, "a\xed\xa0\x80"},
		{`FileNotFoundError(2, "No such file", "x")`, pybridge.FileNotFoundError, "[Errno 2] No such file: 'x'"},
		{`b"\xff".decode`, pybridge.TypeError, "exceptions must derive from BaseException"},
		{`UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")`, pybridge.UnicodeDecodeError, "'utf-8' codec can't decode byte 0xff in position 0: bad"},
		{`StopIteration(3)`, pybridge.StopIteration, "3"},
	} {
		e := raised(t, h, "(u.raise_, ("+c.raise+",), {})")
		assert.ErrorIs(t, e, c.class, c.raise)
		assert.Equal(t, c.message, e.Message, c.raise)
	}
}

// TestExitsAreRemoteErrors: a peer must not be able to end or interrupt its caller.
func TestExitsAreRemoteErrors(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct{ call, message string }{
		{"(u.leave, (3,), {})", "SystemExit: 3"},
		{"(u.interrupt, (), {})", "KeyboardInterrupt: stop"},
		{"(sys.exit, (), {})", "SystemExit"},
		{"(u.raise_, (GeneratorExit(),), {})", "GeneratorExit"},
	} {
		e := raised(t, h, c.call)
		assert.ErrorIs(t, e, pybridge.Class("gopyrpc.internal.RemoteError"), c.call)
		assert.ErrorIs(t, e, pybridge.Exception, c.call)
		assert.NotErrorIs(t, e, pybridge.SystemExit, c.call)
		assert.Contains(t, e.Message, c.message, c.call)
	}
}

// TestDeepRecursionIsRemoteError: on a thread of Go's making the C stack must outlast Python's limit.
func TestDeepRecursionIsRemoteError(t *testing.T) {
	e := raised(t, newHandler(t), "(u.recurse, (), {})")
	assert.ErrorIs(t, e, pybridge.RecursionError)
}

// TestWrongCallsAreRemoteErrors: the payload can be read, so what is wrong with it is the outcome.
func TestWrongCallsAreRemoteErrors(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct{ call, message string }{
		{"(None, (), {})", "PythonUDF.func is not callable"},
		{"(u.echo, [1], {})", "PythonUDF.args must be a tuple"},
		{"(u.echo, (), None)", "PythonUDF.kwargs must be a dict"},
		{"(u.echo, (), {1: 2})", "keywords must be strings"},
		{"(u.greet, (), {})", "missing 1 required positional argument"},
	} {
		e := raised(t, h, c.call)
		assert.ErrorIs(t, e, pybridge.TypeError, c.call)
		assert.Contains(t, e.Message, c.message, c.call)
	}
}
