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

// FuzzRunUDF runs arbitrary bytes under an allow-list of one function. Whatever they are, the process
// lives on, the call has a result or is refused, and nothing runs that the list does not name. What
// runs is seen by a Python audit hook, which CPython tells of imports, compiling, files, processes and
// much else; udfs.ran tells of the functions beside the one that is allowed.
func FuzzRunUDF(f *testing.F) {
	h := newHandler(f, handler.WithAllow("udfs:greet"))
	for _, seed := range hostile() {
		f.Add(seed)
	}
	for _, call := range []string{
		"(u.greet, ('you',), {'greeting': 'Hi'})", "(u.record, ('x',), {})", "(u.Counter(1).add, (2,), {})",
		"(u.greet, (u.Bomb(u.record, 'x'),), {})", "(u.shell, ('true',), {})", "(eval, ('1',), {})",
		"(u.greet, ([__import__('uuid').UUID(int=1), {2: (3.5, b'x' * 300)}],), {'greeting': {1, 2}})", "(u.greet, ([ValueError('x'), __import__('decimal').Decimal(1)],), {})",
		"(dict, ([(1, 2.5), (None, b'x' * 300)],), {'k': {1, 2}})", "(u.raise_, (KeyError(1),), {})",
		"(__import__('datetime').datetime, (2000, 1, 1), {})", "(complex, (1, 2), {})",
	} {
		f.Add(pickled(f, h, call).Data)
	}
	audit := newAudit(f)
	p := pickled(f, h, "(u.greet, ('you',), {})")

	f.Fuzz(func(t *testing.T, data []byte) {
		audit.start(t)
		out, err := h.RunUDF(t.Context(), handler.Payload{Data: data})
		events := audit.stop(t)
		assert.Empty(t, events, "%.300q", data)
		assert.Empty(t, ran(t), "%.300q", data)
		if err != nil {
			if assert.ErrorAs(t, err, new(*pybridge.Error)) && !assert.True(t, noOutcome(err), "%+v", err) {
				t.Logf("%.300q", data)
			}
			assert.Empty(t, out)
		} else {
			readAsCaller(t, h, out)
		}
		_, err = h.RunUDF(t.Context(), p)
		assert.NoError(t, err, "the next call, after %.300q", data)
	})
}

func readAsCaller(t *testing.T, h *handler.Handler, out handler.Payload) {
	t.Helper()
	defer out.Release()
	result, err := h.Deserialize(t.Context(), out)
	if err != nil { // the list holds for results too
		assert.ErrorIs(t, err, handler.DeserializeError)
		return
	}
	defer result.Release()
	if err := h.HandleException(t.Context(), result); err != nil {
		assert.ErrorIs(t, err, pybridge.Exception, "a peer must not end its caller")
	}
}

// audit records what CPython tells its audit hooks. A hook cannot be taken away again, only be told
// not to record.
type audit struct{ on, off *pybridge.Object }

// expected are events of the protocol itself: reading attributes, source lines of tracebacks.
const auditHook = `
import sys
seen, recording = [], False

def expected(event, args):
    if event == "import" and args[0] == "numpy":  # which an array takes, where there is none
        return True
    return event in ("gc.get_referents", "builtins.id", "object.__getattr__", "sys._getframe", "sys._getframemodulename") or (
        event == "open" and str(args[0]).endswith((".py", ">")) and args[1] in ("r", "rb"))

def hook(event, args):
    if recording and not expected(event, args):
        seen.append(f"{event}{args!r:.200}")

def record(on):
    global recording
    recording = on
    events = seen[:20]
    seen.clear()
    return events

sys.addaudithook(hook)

# Imported here, and not by the first payload that may name them.
import collections, copyreg, datetime, decimal, fractions, linecache, pickle, tokenize, uuid, codecs
import encodings.latin_1, encodings.ascii, encodings.unicode_escape, encodings.raw_unicode_escape
try:
    import _strptime, _compat_pickle
except ImportError:
    pass
try:
    import numpy
except ImportError:
    pass
`

func newAudit(t testing.TB) *audit {
	t.Helper()
	a := &audit{}
	pythontest.With(t, func(tok gil.Token) {
		record := pythontest.Define(t, tok, auditHook, "record")
		partial := pythontest.Eval(t, tok, "__import__('functools').partial")
		for value, slot := range map[bool]**pybridge.Object{true: &a.on, false: &a.off} {
			fn, err := partial.Call(tok, record, value)
			require.NoError(t, err)
			t.Cleanup(fn.Release)
			*slot = fn
		}
	})
	return a
}

func (a *audit) start(t testing.TB) { a.call(t, a.on) }

func (a *audit) stop(t testing.TB) []string { return a.call(t, a.off) }

func (a *audit) call(t testing.TB, fn *pybridge.Object) (events []string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		list, err := fn.Call(tok)
		require.NoError(t, err)
		defer list.Release()
		events, err = pybridge.As[[]string](tok, list)
		require.NoError(t, err)
	})
	return events
}
