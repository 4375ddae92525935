package handler_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestRunUDFReturns(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct{ name, call, want string }{
		{"builtin", "(math.hypot, (3, 4), {})", "5.0"},
		{"type", "(dict, (), {'a': 1})", "{'a': 1}"},
		{"function", "(u.greet, ('w\u00f6rld',), {})", "'Hello, w\u00f6rld'"},
		{"keyword arguments", "(u.greet, ('you',), {'greeting': 'Hi'})", "'Hi, you'"},
		{"bound method", "(u.Counter(40).add, (1,), {'times': 2})", "42"},
		{"unbound method", "(u.Counter.add, (u.Counter(1), 1), {})", "2"},
		{"None", "(u.echo, (), {})", "None"},
		{"NULs", `(u.echo, ('a\0b\0',), {})`, `'a\x00b\x00'`},
		{"surrogates", `(u.echo, ('a\ud800\udfffb',), {})`, `'a\ud800\udfffb'`},
		{"a class", "(u.echo, (u.Refused,), {})", "<class 'udfs.Refused'>"},
		{"an exception as a value", "(u.echo, ([KeyError('k')],), {})", "[KeyError('k')]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			result := succeeded(t, h, c.call)
			pythontest.With(t, func(tok gil.Token) {
				text, err := result.Repr(tok)
				require.NoError(t, err)
				assert.Equal(t, c.want, text)
			})
		})
	}
}

// TestRunUDFSurrogatesInGo reads text that is no UTF-8 as Go sees it: three bytes for each surrogate.
func TestRunUDFSurrogatesInGo(t *testing.T) {
	h := newHandler(t)
	assert.Equal(t, "x\xed\xa0\x80\x00y", returned[string](t, h, `(u.echo, ('x\ud800\0y',), {})`))
}

// TestRunUDFSizes has payloads and results on both sides of the size from which Python reads Go's
// memory in place (64 KiB), and well above it.
func TestRunUDFSizes(t *testing.T) {
	h := newHandler(t)
	for _, size := range []int{0, 1, 64<<10 - 200, 64 << 10, 64<<10 + 1, 3<<20 + 7} {
		data := bytes.Repeat([]byte("gopyrpc\x00\xff"), size/7+1)[:size]
		p := bytesUDF(t, h, data)
		assert.Equal(t, data, as[[]byte](t, run(t, h, p)), "%d bytes", size)
	}
}

// TestRunUDFKeepsPayload reuses one payload: Python reads Go's memory and must not hold on to it or
// write to it.
func TestRunUDFKeepsPayload(t *testing.T) {
	h := newHandler(t)
	data := bytes.Repeat([]byte{7}, 1<<20)
	p := bytesUDF(t, h, data)
	before := bytes.Clone(p.Data)
	first := as[[]byte](t, run(t, h, p))
	require.Equal(t, before, p.Data)
	clear(p.Data) // nothing that came out may be a view of what went in
	assert.Equal(t, data, first)
}

// TestRunUDFAnyProtocol reads pickles of every protocol, whatever this package itself writes.
func TestRunUDFAnyProtocol(t *testing.T) {
	h := newHandler(t)
	for protocol := range 6 {
		var data []byte
		pythontest.With(t, func(tok gil.Token) {
			dumps := pythontest.Eval(t, tok, "__import__('pickle').dumps")
			out, err := dumps.Call(tok, makeUDF(t, tok, h, "(u.echo, ((b'\\xff', 'ä', 1.5, {1: [2]}),), {})"), protocol)
			require.NoError(t, err)
			defer out.Release()
			data, err = pybridge.As[[]byte](tok, out)
			require.NoError(t, err)
		})
		got := as[pybridge.Tuple](t, run(t, h, handler.Payload{Data: data}))
		assert.Equal(t, []byte("\xff"), got[0], "protocol %d", protocol)
		assert.Equal(t, "ä", got[1], "protocol %d", protocol)
	}
}

func bytesUDF(t *testing.T, h *handler.Handler, data []byte) handler.Payload {
	t.Helper()
	var udf *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		echo := value(t, tok, "u.echo")
		class := value(t, tok, "__import__('gopyrpc.internal', fromlist=['_']).PythonUDF")
		var err error
		udf, err = class.Call(tok, echo, pybridge.Tuple{data}, pybridge.Dict{})
		require.NoError(t, err)
	})
	defer udf.Release()
	p, err := h.Serialize(t.Context(), udf)
	require.NoError(t, err)
	return p
}
