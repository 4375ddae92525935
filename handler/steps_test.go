package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// object evaluates an expression without the GIL held afterwards.
func object(t testing.TB, expression string) (o *pybridge.Object) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) { o = value(t, tok, expression) })
	return o
}

func TestStepsRoundTrip(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.greet, ('you',), {})")
	udf, err := h.Deserialize(t.Context(), p)
	require.NoError(t, err)
	defer udf.Release()
	result, err := h.RunPythonUDF(t.Context(), udf)
	require.NoError(t, err)
	defer result.Release()
	require.NoError(t, h.HandleException(t.Context(), result))
	out, err := h.Serialize(t.Context(), result)
	require.NoError(t, err)
	defer out.Release()
	whole, err := h.RunUDF(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, whole, out, "in steps as in one")
}

func TestRunPythonUDFGivesRemoteException(t *testing.T) {
	h := newHandler(t)
	var udf *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { udf = makeUDF(t, tok, h, "(u.leave, (3,), {})") })
	for _, o := range []*pybridge.Object{udf, object(t, "5")} {
		result, err := h.RunPythonUDF(t.Context(), o)
		require.NoError(t, err)
		defer result.Release()
		is, err := h.IsRemoteException(t.Context(), result)
		require.NoError(t, err)
		assert.True(t, is)
	}
}

// TestIsRemoteException: torch compares names, and so misses subclasses and believes impostors.
func TestIsRemoteException(t *testing.T) {
	h := newHandler(t)
	const class = "__import__('gopyrpc.internal', fromlist=['_']).RemoteException"
	for expression, want := range map[string]bool{
		class + "('text', ValueError)":                                                                  true,
		"type('Sub', (" + class + ",), {})('text', ValueError)":                                         true,
		"type('Liar', (" + class + ",), {'__module__': 5})('text', ValueError)":                         true,
		"type('RemoteException', (), {'__module__': 'gopyrpc.internal'})()":                             false,
		"type('Impostor', (), {'__class__': property(lambda self: " + class + ")})()":                   false,
		"type('Mine', (), {'__class__': property(lambda self: 1/0), '__bool__': lambda self: 1 / 0})()": false,
		"ValueError('text')": false, "None": false, class: false, "[" + class + "('text', ValueError)]": false,
	} {
		is, err := h.IsRemoteException(t.Context(), object(t, expression))
		require.NoError(t, err, expression)
		assert.Equal(t, want, is, expression)
	}
}

func TestHandleException(t *testing.T) {
	h := newHandler(t)
	const class = "__import__('gopyrpc.internal', fromlist=['_']).RemoteException"
	for _, expression := range []string{"None", "5", "ValueError('a value')", "[1]"} {
		require.NoError(t, h.HandleException(t.Context(), object(t, expression)), expression)
	}
	for _, expression := range []string{class + "('text', KeyError)", "type('Sub', (" + class + ",), {})('text', KeyError)"} {
		o := object(t, expression)
		err := h.HandleException(t.Context(), o)
		var e *pybridge.Error
		require.ErrorAs(t, err, &e, expression)
		assert.ErrorIs(t, err, pybridge.KeyError, expression)
		pythontest.With(t, func(tok gil.Token) {
			assert.ErrorIs(t, h.HandleExceptionGILHeld(tok, o), pybridge.KeyError, expression)
			assert.NoError(t, h.HandleExceptionGILHeld(tok, value(t, tok, "5")))
		})
	}
}

func TestSerializeFails(t *testing.T) {
	h := newHandler(t)
	for _, expression := range []string{"lambda: 0", "sys", "[u.generator()]", "u.nested(100_000)"} {
		p, err := h.Serialize(t.Context(), object(t, expression))
		require.ErrorIs(t, err, handler.SerializeError, expression)
		assert.Empty(t, p, expression)
	}
}

// TestRunIsWhatRunUDFCalls: the callable takes a payload and gives its result.
func TestRunIsWhatRunUDFCalls(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.greet, ('you',), {})")
	want, err := h.RunUDF(t.Context(), p)
	require.NoError(t, err)
	pythontest.With(t, func(tok gil.Token) {
		fn, err := h.Run(tok)
		require.NoError(t, err)
		defer fn.Release()
		out, err := fn.Call(tok, p.Data)
		require.NoError(t, err)
		defer out.Release()
		got, err := pybridge.As[[]byte](tok, out)
		require.NoError(t, err)
		assert.Equal(t, want.Data, got)
	})
}
