package handler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const forbiddenGlobal pybridge.Class = "gopyrpc.internal.ForbiddenGlobal"

func TestAllowedCallsWork(t *testing.T) {
	for _, c := range []struct {
		allow []string
		call  string
		want  any
	}{
		{[]string{"udfs"}, "(u.greet, ('you',), {'greeting': 'Hi'})", "Hi, you"},
		{[]string{"udfs:greet"}, "(u.greet, ('you',), {})", "Hello, you"},
		{[]string{"udfs:gre*"}, "(u.greet, ('you',), {})", "Hello, you"},
		{[]string{"math:hypot"}, "(math.hypot, (3, 4), {})", 5.0},
		{[]string{"udfs"}, "(u.Counter(1).add, (2,), {})", int64(3)},
		{[]string{"builtins:int"}, "(int, ('12',), {})", int64(12)},
	} {
		h := newHandler(t, handler.WithAllow(c.allow...))
		p := pickled(t, newHandler(t), c.call)
		assert.Equal(t, c.want, as[any](t, run(t, h, p)), "%s under %v", c.call, c.allow)
	}
}

// TestRefusedCallsDoNotRun: nothing of the payload ran, neither the call nor what unpickling does.
func TestRefusedCallsDoNotRun(t *testing.T) {
	plain := newHandler(t)
	canary := filepath.Join(t.TempDir(), "canary")
	touch := fmt.Sprintf("'touch %s'", canary)
	for _, c := range []struct {
		allow      []string
		call, name string
	}{
		{[]string{"udfs:greet"}, "(u.record, ('ran',), {})", "udfs:record"},
		{[]string{"udfs:greet"}, "(u.greet, (u.Bomb(u.record, 'ran'),), {})", "udfs:record"},
		{[]string{"udfs:greet"}, "(u.greet, (), {'greeting': u.Bomb(u.record, 'ran')})", "udfs:record"},
		{[]string{"udfs:record"}, "(u.record, ('ran', u.Bomb(u.shell, " + touch + ")), {})", "system"},
		{[]string{"udfs"}, "(u.shell, (" + touch + ",), {})", "system"},
		{[]string{"udfs"}, "(eval, ('u.record(1)',), {})", "builtins:eval"},
		{[]string{"udfs"}, "(u.greet, (u.Bomb(getattr, u.Counter, '__init__'),), {})", "udfs:Counter.__init__"},
		{[]string{}, "(u.record, ('ran',), {})", "udfs:record"},
	} {
		h := newHandler(t, handler.WithAllow(c.allow...))
		_, err := h.RunUDF(t.Context(), pickled(t, plain, c.call))
		require.ErrorIs(t, err, handler.DeserializeError, c.call)
		require.ErrorIs(t, err, forbiddenGlobal, c.call)
		assert.ErrorContains(t, err, c.name, "%s: the message names what was refused", c.call)
		assert.Empty(t, ran(t), c.call)
	}
	_, err := os.Stat(canary)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestDeepPayloadsDoNotCrash: C code that recurses into what a payload nests must stop in time.
func TestDeepPayloadsDoNotCrash(t *testing.T) {
	const depth = 100_000
	h := newHandler(t, handler.WithAllow("udfs:echo"))
	echo := func(value string) string { return "cgopyrpc.internal\nPythonUDF\n(cudfs\necho\n(" + value + "t(dtR." }
	list := strings.Repeat("]", depth) + strings.Repeat("a", depth-1)
	for name, data := range map[string]string{
		"tuples": "N" + strings.Repeat("\x85", depth) + ".", "a hash of tuples": "}N" + strings.Repeat("\x85", depth) + "Ns.",
		"lists": echo(list), "repr of lists": "cgopyrpc.internal\nPythonUDF\n(cbuiltins\nstr\n(" + list + "t(dtR.",
		"an exception with lists": echo("cbuiltins\nKeyError\n(" + list + "tR"), "marks": strings.Repeat("(", depth) + strings.Repeat("t", depth) + ".",
		"frozensets": echo("N" + strings.Repeat("\x85\x91", 1)), "dicts": echo(strings.Repeat("}N", depth) + "N" + strings.Repeat("s", depth)),
	} {
		out, err := h.RunUDF(t.Context(), handler.Payload{Data: []byte(data)})
		if err != nil {
			assert.True(t, noOutcome(err), "%s: %v", name, err)
		}
		out.Release()
	}
	run(t, h, pickled(t, h, "(u.echo, ('the next call',), {})"))
}

// TestRefusedModuleIsNotImported: an import is code that runs.
func TestRefusedModuleIsNotImported(t *testing.T) {
	h := newHandler(t, handler.WithAllow("udfs"))
	_, err := h.RunUDF(t.Context(), handler.Payload{Data: []byte("\x80\x02cthis\ns\n.")})
	require.ErrorIs(t, err, forbiddenGlobal)
	assert.Equal(t, false, returned[any](t, newHandler(t), "(u.is_imported, ('this',), {})"))
}

// TestAllowListHoldsForResults: a caller's Deserialize is restricted too, and a peer's exception is
// rebuilt only when its class may be named.
func TestAllowListHoldsForResults(t *testing.T) {
	plain := newHandler(t)
	h := newHandler(t, handler.WithAllow("udfs:greet"))
	sent, err := plain.RunUDF(t.Context(), pickled(t, plain, "(u.refuse, (1,), {})"))
	require.NoError(t, err)
	result, err := h.Deserialize(t.Context(), sent)
	require.NoError(t, err, "a failure always arrives")
	defer result.Release()
	err = h.HandleException(t.Context(), result)
	require.ErrorIs(t, err, pybridge.Class("gopyrpc.internal.RemoteError"))
	assert.NotErrorIs(t, err, pybridge.LookupError)
	assert.ErrorContains(t, err, "refused with 1")

	_, err = h.Deserialize(t.Context(), handler.Payload{Data: []byte("\x80\x02cudfs\nrecord\nK\x01\x85R.")})
	require.ErrorIs(t, err, forbiddenGlobal)
	assert.Empty(t, ran(t))
}
