package pybridge_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestAsAny(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       any
	}{
		{"None", nil},
		{"True", true},
		{"False", false},
		{"0", int64(0)},
		{"-1", int64(-1)},
		{"2**63 - 1", int64(math.MaxInt64)},
		{"-2**63", int64(math.MinInt64)},
		{"2**63", power(2, 63)},
		{"-2**63 - 1", new(big.Int).Sub(big.NewInt(math.MinInt64), big.NewInt(1))},
		{"2**64", power(2, 64)},
		{"2**100", power(2, 100)},
		{"1.5", 1.5},
		{"float('inf')", math.Inf(1)},
		{"-float('inf')", math.Inf(-1)},
		{"1 + 2j", complex(1, 2)},
		{"''", ""},
		{"'a\\x00b'", "a\x00b"},
		{"'grün'", "grün"},
		{"'🐍'", "🐍"},
		{"'\\ud800'", "\xed\xa0\x80"},
		{"b''", []byte{}},
		{"b'a\\x00b'", []byte("a\x00b")},
		{"bytearray(b'xy')", pybridge.ByteArray("xy")},
		{"[1, 'a', None]", []any{int64(1), "a", nil}},
		{"[]", []any{}},
		{"(1, (2,))", pybridge.Tuple{int64(1), pybridge.Tuple{int64(2)}}},
		{"()", pybridge.Tuple{}},
		{"{'b': 1, 'a': 2, 3: None}", pybridge.Dict{{"b", int64(1)}, {"a", int64(2)}, {int64(3), nil}}},
		{"{(1, 2): 'x'}", pybridge.Dict{{pybridge.Tuple{int64(1), int64(2)}, "x"}}},
		{"{}", pybridge.Dict{}},
		{"{1}", pybridge.Set{int64(1)}},
		{"set()", pybridge.Set{}},
		{"frozenset({2})", pybridge.FrozenSet{int64(2)}},
		{"[{'k': [(1,)]}]", []any{pybridge.Dict{{"k", []any{pybridge.Tuple{int64(1)}}}}}},
	} {
		t.Run(c.expression, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				assert.Equal(t, c.want, as[any](t, tok, pythontest.Eval(t, tok, c.expression)))
			})
		})
	}
}

func TestAsAnyOfFloatsWithoutEquality(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.True(t, math.IsNaN(as[any](t, tok, pythontest.Eval(t, tok, "float('nan')")).(float64)))
		assert.True(t, math.Signbit(as[any](t, tok, pythontest.Eval(t, tok, "-0.0")).(float64)))
	})
}

func TestSubclassesConvertLikeTheirBases(t *testing.T) {
	const classes = `
import collections, enum
class Color(enum.IntEnum): RED = 3
class Text(str): pass
class Number(int):
    def __index__(self): return 0
    def __int__(self): return 0
class Real(float):
    def __float__(self): return 0.0
class Data(bytes): pass
class Buffer(bytearray): pass
class Items(list): pass
class Names(dict): pass
class Unique(set): pass
Point = collections.namedtuple("Point", "x y")
value = `
	for expression, want := range map[string]any{
		"Color.RED":                            int64(3),
		"Text('x')":                            "x",
		"Number(5)":                            int64(5),
		"Number(2**70)":                        power(2, 70),
		"Real(2.5)":                            2.5,
		"Data(b'd')":                           []byte("d"),
		"Buffer(b'd')":                         pybridge.ByteArray("d"),
		"Items([1])":                           []any{int64(1)},
		"Names(a=1)":                           pybridge.Dict{{"a", int64(1)}},
		"Unique([1])":                          pybridge.Set{int64(1)},
		"Point(1, 2)":                          pybridge.Tuple{int64(1), int64(2)},
		"collections.OrderedDict([('b', 1)])":  pybridge.Dict{{"b", int64(1)}},
		"collections.Counter('aa')":            pybridge.Dict{{"a", int64(2)}},
		"collections.defaultdict(int, {1: 2})": pybridge.Dict{{int64(1), int64(2)}},
	} {
		t.Run(expression, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				assert.Equal(t, want, as[any](t, tok, pythontest.Define(t, tok, classes+expression, "value")))
			})
		})
	}
}

func TestAsAnyRefuses(t *testing.T) {
	for _, c := range []struct{ expression, path, text string }{
		{"object()", "", "Python object"},
		{"len", "", "Python builtin_function_or_method"},
		{"range(3)", "", "Python range"},
		{"__import__('decimal').Decimal(1)", "", "Python decimal.Decimal"},
		{"[1, [object()]]", "[1][0]", "at [1][0]"},
		{"{'k': (object(),)}", `["k"][0]`, `at ["k"][0]`},
		{"{1: object()}", "[1]", "at [1]"},
		{"{(1, 2): object()}", "[pybridge.Tuple]", "Python object"},
		{"{object}", "", "Python type"},
	} {
		t.Run(c.expression, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				_, err := pybridge.As[any](tok, pythontest.Eval(t, tok, c.expression))
				assertConversionError(t, err, c.path, c.text)
			})
		})
	}
}

func TestCyclicAndDeepPythonValues(t *testing.T) {
	for name, source := range map[string]string{
		"list":     "value = []\nvalue.append(value)",
		"dict":     "value = {}\nvalue['self'] = value",
		"tuple":    "inner = []\nvalue = (inner,)\ninner.append(value)",
		"too deep": "value = 0\nfor _ in range(2000): value = [value]",
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				o := pythontest.Define(t, tok, source, "value")
				_, err := pybridge.As[any](tok, o)
				var failure *pybridge.ConversionError
				if assert.ErrorAs(t, err, &failure) {
					assert.Contains(t, failure.Reason, "nested too deeply")
				}
				type nested []nested
				_, err = pybridge.As[nested](tok, o)
				assert.Error(t, err)
			})
		})
	}
}

// What a class says of itself is not what it is.
func TestLyingListIsAnError(t *testing.T) {
	const source = `
class Liar(list):
    def __len__(self): return %s
value = Liar([1, 2])
`
	pythontest.With(t, func(tok gil.Token) {
		_, err := pybridge.As[any](tok, pythontest.Define(t, tok, replace(source, "1000"), "value"))
		assert.ErrorIs(t, err, pybridge.IndexError)
		_, err = pybridge.As[any](tok, pythontest.Define(t, tok, replace(source, "-1"), "value"))
		assert.ErrorIs(t, err, pybridge.ValueError)
		_, err = pybridge.As[any](tok, pythontest.Define(t, tok, replace(source, "1/0"), "value"))
		assert.ErrorIs(t, err, pybridge.ZeroDivisionError)
	})
}

func TestDictGet(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		d, ok := as[any](t, tok, pythontest.Eval(t, tok, "{1: 2, 'a': 3}")).(pybridge.Dict)
		require.True(t, ok)
		v, found := d.Get("a")
		assert.True(t, found)
		assert.Equal(t, int64(3), v)
		_, found = d.Get("b")
		assert.False(t, found)
	})
}
