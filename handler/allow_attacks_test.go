package handler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler"
)

// attacks are values that a peer with entries sends, as pickle writes what an object's __reduce__ returns.
var attacks = []struct {
	allow []string
	value string // a tuple as __reduce__ returns it
}{
	// names that a listed module imports, or has by another name (F6)
	{[]string{"letin"}, "(os.getpid, ())"},
	{[]string{"letin"}, "(getattr, (Plain, 'borrowed'))"},
	{[]string{"letin"}, "(getattr, (Plain(1), 'loads'))"},
	{[]string{"letin"}, "(getattr, (Plain(1), '__init__'))"},
	{[]string{"letin"}, "(getattr, (Plain(1), '__call__'))"},
	{[]string{"letin"}, "(getattr, (Plain(1), '__class__'))"},
	{[]string{"letin"}, "(getattr, ('text', 'format'))"},
	{[]string{"letin:Plain"}, "(getattr, (Plain(1), 'twice'))"},
	{[]string{"value:letin:Plain"}, "(getattr, (Plain(1), 'twice'))"},
	{[]string{"value:letin:Plain"}, "(Plain, (1,))"},
	{[]string{"value:letin:Colour"}, "(Colour, (3,))"},
	{[]string{"value:letin:Stateful"}, "(copyreg.__newobj__, (Stateful,), [1])"},
	// what the payload has not made (F3, F13)
	{[]string{"letin"}, "(give_live, (), {'x': 'changed'})"},
	{[]string{"letin"}, "(copyreg.__newobj__, (Kept,), {'secret': 'changed'})"},
	{[]string{"letin"}, "(Kept, (), {'secret': 'changed'})"},
	{[]string{"letin"}, "(Colour, (1,), {'_value_': 5})"},
	{[]string{"letin"}, "(getattr, (Colour, 'RED'), {'_value_': 5})"},
	{[]string{"letin"}, "(make, (1,), {'x': 2})"},
	{[]string{"letin"}, "(give_live, (), None, iter([1]))"},
	{[]string{"letin"}, "(give_live, (), None, None, iter([('x', 1)]))"},
	// what an instance would say of itself (F5)
	{[]string{"letin"}, "(copyreg.__newobj__, (Plain,), {'__reduce_ex__': str})"},
	{[]string{"letin"}, "(copyreg.__newobj__, (Plain,), {'__module__': 'this'})"},
	{[]string{"letin"}, "(copyreg.__newobj__, (Plain,), {'__class__': int})"},
	{[]string{"letin"}, "(copyreg.__newobj__, (Slots,), (None, {'__class__': int}))"},
	{[]string{"letin"}, "(copyreg.__newobj__, (Slots,), (None, {'c': int}))"},
	{[]string{}, "(ValueError, (), {'__setstate__': str})"},
	// what computes (F12)
	{[]string{}, "(fractions.Fraction, ('1e300000000',))"},
	{[]string{}, "(decimal.Decimal, ('1e300000000',))"},
	{[]string{}, "(list, (range(20),))"},
	{[]string{}, "(bytearray, (1 << 30,))"},
	{[]string{}, "(set, ({1: 2},))"},
	// calls of what calls give
	{[]string{"letin"}, "(functools.partial(make, 1), ())"},
	{[]string{"letin"}, "(Plain(1), ())"},
	{[]string{"letin"}, "(operator.methodcaller('twice'), (Plain(1),))"},
	{[]string{"letin"}, "(type, ('X', (), {}))"},
	{[]string{"letin"}, "(eval, ('1',))"},
	{[]string{"letin"}, "(__import__, ('this',))"},
	{[]string{"letin"}, "(codecs.encode, ('x', 'zlib'))"},
	{[]string{"letin"}, "(functools.reduce, (make, [1, 2]))"},
	{[]string{"letin"}, "(types.SimpleNamespace, ())"},
	{[]string{"letin"}, "(operator.attrgetter('__class__'), (1,))"},
}

// TestAttacks: refused, by either half, whatever the protocol, as a request's argument and as a reply; and nothing
// that lives here has changed.
func TestAttacks(t *testing.T) {
	for _, attack := range attacks {
		h := newHandler(t, handler.WithAllow(append(attack.allow, "udfs:echo")...))
		for _, protocol := range []string{"2", "3", "4", "5"} {
			what := fmt.Sprintf("%s under %v at protocol %s", attack.value, attack.allow, protocol)
			_, err := h.Deserialize(t.Context(), dumped(t, attacking(attack.value), protocol))
			require.ErrorIs(t, err, handler.DeserializeError, what)
			assert.ErrorIs(t, err, forbiddenGlobal, what)
			call := "__import__('gopyrpc.internal', fromlist=['_']).PythonUDF(__import__('udfs').echo, (" + attacking(attack.value) + ",), {})"
			_, err = h.RunUDF(t.Context(), dumped(t, call, protocol))
			require.ErrorIs(t, err, handler.DeserializeError, what)
		}
	}
	assert.True(t, truth(t, "lambda: (live.x, Kept.secret, vars(Kept.one or Plain), Colour.RED.value, 'this' in __import__('sys').modules) == ('live', 'unchanged', vars(Kept.one or Plain), 1, False) and 'secret' not in vars(Kept.one or Plain)"))
}

// attacking is an expression for an object that is pickled so.
func attacking(reduced string) string {
	modules := "codecs, copyreg, decimal, fractions, functools, operator, os, types"
	class := "Attack" // for NEWOBJ pickle wants the class of the instance
	if rest, ok := strings.CutPrefix(reduced, "(copyreg.__newobj__, ("); ok {
		class, _, _ = strings.Cut(rest, ",")
	}
	return fmt.Sprintf("[exec('import %s', globals()), type('Attack', (), {'__reduce__': lambda self: %s, '__class__': property(lambda self: globals().get(%q))})()][1]", modules, reduced, class)
}

// TestValueEntry: what it lets in, and that nothing of the class runs for it.
func TestValueEntry(t *testing.T) {
	h := newHandler(t, handler.WithAllow("value:letin:Colour", "value:letin:Plain", "value:letin:Pair", "value:letin:Data", "value:letin:Failure", "value:letin:Slots", "value:letin:MyInt", "value:letin:MyList", "value:letin:Bits"))
	for _, expression := range []string{"Colour.RED", "Colour.GREEN", "Plain([Plain(1)])", "Pair(1, [2])", "Data(1, [2])", "Failure(5, hint='x')", "Slots(1, 2)", "MyInt(5)", "MyList([1])", "Bits.R"} {
		for protocol := 2; protocol <= 5; protocol++ {
			same, err := letIn(t, h, expression, protocol)
			assert.NoError(t, err, "%s at protocol %d", expression, protocol)
			assert.True(t, same || err != nil, "%s at protocol %d", expression, protocol)
		}
	}
}
