package pybridge_test

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func power(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

type (
	named  string
	number int16
	blob   []byte
	link   struct{ Next int }
)

func TestToPython(t *testing.T) {
	seven := 7
	for _, c := range []struct {
		name string
		in   any
		want string // repr
	}{
		{"nil", nil, "None"},
		{"nil pointer", (*int)(nil), "None"},
		{"nil big.Int", (*big.Int)(nil), "None"},
		{"true", true, "True"},
		{"false", false, "False"},
		{"int", 42, "42"},
		{"int8 min", int8(math.MinInt8), "-128"},
		{"int16 max", int16(math.MaxInt16), "32767"},
		{"int32 min", int32(math.MinInt32), "-2147483648"},
		{"int64 min", int64(math.MinInt64), "-9223372036854775808"},
		{"int64 max", int64(math.MaxInt64), "9223372036854775807"},
		{"minus one", -1, "-1"},
		{"uint8 max", uint8(math.MaxUint8), "255"},
		{"uint16 max", uint16(math.MaxUint16), "65535"},
		{"uint32 max", uint32(math.MaxUint32), "4294967295"},
		{"uint64 max", uint64(math.MaxUint64), "18446744073709551615"},
		{"uint", uint(3), "3"},
		{"uintptr", uintptr(4), "4"},
		{"named int", number(-5), "-5"},
		{"duration", time.Microsecond, "1000"},
		{"big", power(2, 64), "18446744073709551616"},
		{"big negative", new(big.Int).Neg(power(2, 100)), "-1267650600228229401496703205376"},
		{"big by value", *big.NewInt(-7), "-7"},
		{"big zero", new(big.Int), "0"},
		{"float", 1.5, "1.5"},
		{"float32", float32(0.25), "0.25"},
		{"minus zero", math.Copysign(0, -1), "-0.0"},
		{"inf", math.Inf(1), "inf"},
		{"nan", math.NaN(), "nan"},
		{"complex", complex(1, -2), "(1-2j)"},
		{"complex64", complex64(complex(0, 1)), "1j"},
		{"string", "hello", "'hello'"},
		{"empty string", "", "''"},
		{"string with NUL", "a\x00b", `'a\x00b'`},
		{"umlaut", "grün", "'grün'"},
		{"emoji", "🐍", "'🐍'"},
		{"lone surrogate", "\xed\xa0\x80", `'\ud800'`},
		{"named string", named("x"), "'x'"},
		{"bytes", []byte("a\x00b"), `b'a\x00b'`},
		{"nil bytes", []byte(nil), "b''"},
		{"named bytes", blob{1}, `b'\x01'`},
		{"bytearray", pybridge.ByteArray("x"), "bytearray(b'x')"},
		{"empty bytearray", pybridge.ByteArray{}, "bytearray(b'')"},
		{"list", []any{1, "a", nil}, "[1, 'a', None]"},
		{"nil list", []any(nil), "[]"},
		{"typed slice", []float64{1, 2}, "[1.0, 2.0]"},
		{"array", [2]bool{true, false}, "[True, False]"},
		{"tuple", pybridge.Tuple{1, pybridge.Tuple{}}, "(1, ())"},
		{"dict in order", pybridge.Dict{{"b", 1}, {"a", 2}, {3, nil}}, "{'b': 1, 'a': 2, 3: None}"},
		{"dict with tuple key", pybridge.Dict{{pybridge.Tuple{1, 2}, "x"}}, "{(1, 2): 'x'}"},
		{"map", map[string]int{"a": 1}, "{'a': 1}"},
		{"nil map", map[string]int(nil), "{}"},
		{"map with NaN key", map[float64]int{math.NaN(): 1}, "{nan: 1}"},
		{"map of nothing", map[string]struct{}{"a": {}}, "{'a'}"},
		{"set", pybridge.Set{1, 1}, "{1}"},
		{"frozenset", pybridge.FrozenSet{2}, "frozenset({2})"},
		{"empty set", pybridge.Set{}, "set()"},
		{"pointer", &seven, "7"},
		{"slice of pointers", []*int{&seven, nil}, "[7, None]"},
		{"nested", []any{map[string][]int{"k": {1, 2}}}, "[{'k': [1, 2]}]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				assert.Equal(t, c.want, repr(t, tok, toPython(t, tok, c.in)))
			})
		})
	}
}

// An int of more digits than sys.set_int_max_str_digits allows has no decimal text in Python.
func TestHugeIntegerBothWays(t *testing.T) {
	huge := power(10, 6000)
	pythontest.With(t, func(tok gil.Token) {
		o := toPython(t, tok, huge)
		same := pythontest.Define(t, tok, "def same(n): return n == 10 ** 6000 and type(n) is int", "same")
		assert.True(t, as[bool](t, tok, call(t, tok, same, o)))
		assert.Equal(t, huge, as[any](t, tok, o))
		assert.Equal(t, new(big.Int).Neg(huge), as[*big.Int](t, tok, pythontest.Eval(t, tok, "-10 ** 6000")))
	})
}

func TestObjectConvertsToItself(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "object()")
		same := pythontest.Define(t, tok, "def same(a, b): return a is b[0]", "same")
		assert.True(t, as[bool](t, tok, call(t, tok, same, o, []any{o})))
		o.Release()
		_, err := pybridge.ToPython(tok, []any{o})
		assert.ErrorIs(t, err, pybridge.ErrReleased)
		_, err = pybridge.ToPython(tok, (*pybridge.Object)(nil))
		assert.Error(t, err)
	})
}

func TestToPythonRefuses(t *testing.T) {
	for _, c := range []struct {
		name       string
		in         any
		path, text string
	}{
		{"channel", make(chan int), "", "chan int"},
		{"function", func() {}, "", "func()"},
		{"struct", link{}, "", "pybridge_test.link"},
		{"struct behind a pointer", &link{}, "", "pybridge_test.link"},
		{"in a slice", []any{1, []any{2, link{}}}, "[1][1]", "at [1][1]"},
		{"in a map", map[string]any{"k": []link{{}}}, `["k"][0]`, `at ["k"][0]`},
		{"in a dict", pybridge.Dict{{3, link{}}}, "[3]", "at [3]"},
		{"as a key", pybridge.Dict{{link{}, 1}}, "[pybridge_test.link]", "pybridge_test.link"},
		{"in a set", pybridge.Set{1, link{}}, "[1]", "at [1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				_, err := pybridge.ToPython(tok, c.in)
				assertConversionError(t, err, c.path, c.text)
			})
		})
	}
}

func TestToPythonRaises(t *testing.T) {
	for _, c := range []struct {
		name string
		in   any
		want pybridge.Class
	}{
		{"invalid UTF-8", "a\xff", pybridge.UnicodeDecodeError},
		{"truncated UTF-8", []any{"\xe2\x82"}, pybridge.UnicodeDecodeError},
		{"unhashable key", pybridge.Dict{{[]any{}, 1}}, pybridge.TypeError},
		{"unhashable item", pybridge.Set{[]any{}}, pybridge.TypeError},
	} {
		t.Run(c.name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				_, err := pybridge.ToPython(tok, c.in)
				assert.ErrorIs(t, err, c.want)
			})
		})
	}
}

func TestCyclicGoValues(t *testing.T) {
	list := []any{nil}
	list[0] = list
	tuple := pybridge.Tuple{nil}
	tuple[0] = tuple
	table := map[string]any{}
	table["self"] = table
	type pointer *pointer
	var loop pointer
	loop = &loop
	for name, v := range map[string]any{
		"list": list, "tuple": tuple, "map": table, "pointer": loop,
		"key": pybridge.Dict{{tuple, 1}}, "set": pybridge.Set{tuple},
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				_, err := pybridge.ToPython(tok, v)
				var failure *pybridge.ConversionError
				if assert.ErrorAs(t, err, &failure) {
					assert.Contains(t, failure.Reason, "in itself")
				}
			})
		})
	}
}

func TestTooDeepGoValues(t *testing.T) {
	nest := func(depth int) any {
		var v any // a nil at the bottom has no type to name
		for range depth {
			v = []any{v}
		}
		return v
	}
	pythontest.With(t, func(tok gil.Token) {
		o := toPython(t, tok, nest(1000))
		assert.Equal(t, nest(1000), as[any](t, tok, o))
		_, err := pybridge.ToPython(tok, nest(1001))
		assertConversionError(t, err, strings.Repeat("[0]", 1001), "nested too deeply")
	})
}
