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

// conversion is one As[T] that must give want.
func conversion[T any](expression string, want T) func(*testing.T) {
	return func(t *testing.T) {
		pythontest.With(t, func(tok gil.Token) {
			assert.Equal(t, want, as[T](t, tok, pythontest.Eval(t, tok, expression)), "%T of %s", want, expression)
		})
	}
}

// refusal is one As[T] that must fail with a ConversionError of the path, and give nothing.
func refusal[T any](expression, path, text string) func(*testing.T) {
	return func(t *testing.T) {
		pythontest.With(t, func(tok gil.Token) {
			v, err := pybridge.As[T](tok, pythontest.Eval(t, tok, expression))
			assertConversionError(t, err, path, text)
			assert.Zero(t, v)
		})
	}
}

func TestAsIntegers(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"int8 min":     conversion("-128", int8(math.MinInt8)),
		"int8 max":     conversion("127", int8(math.MaxInt8)),
		"int16 min":    conversion("-2**15", int16(math.MinInt16)),
		"int16 max":    conversion("2**15-1", int16(math.MaxInt16)),
		"int32 min":    conversion("-2**31", int32(math.MinInt32)),
		"int32 max":    conversion("2**31-1", int32(math.MaxInt32)),
		"int64 min":    conversion("-2**63", int64(math.MinInt64)),
		"int64 max":    conversion("2**63-1", int64(math.MaxInt64)),
		"int":          conversion("-7", -7),
		"uint8 max":    conversion("255", uint8(math.MaxUint8)),
		"uint16 max":   conversion("2**16-1", uint16(math.MaxUint16)),
		"uint32 max":   conversion("2**32-1", uint32(math.MaxUint32)),
		"uint64 max":   conversion("2**64-1", uint64(math.MaxUint64)),
		"uint":         conversion("0", uint(0)),
		"named":        conversion("5", number(5)),
		"big":          conversion("2**64", power(2, 64)),
		"small big":    conversion("3", big.NewInt(3)),
		"no big":       conversion("None", (*big.Int)(nil)),
		"int8 under":   refusal[int8]("-129", "", "out of range"),
		"int8 over":    refusal[int8]("128", "", "out of range"),
		"int16 over":   refusal[int16]("2**15", "", "out of range"),
		"int32 under":  refusal[int32]("-2**31-1", "", "out of range"),
		"int64 under":  refusal[int64]("-2**63-1", "", "out of range"),
		"int64 over":   refusal[int64]("2**63", "", "out of range"),
		"int over":     refusal[int]("2**100", "", "out of range"),
		"uint8 over":   refusal[uint8]("256", "", "out of range"),
		"uint32 over":  refusal[uint32]("2**32", "", "out of range"),
		"uint64 over":  refusal[uint64]("2**64", "", "out of range"),
		"uint under":   refusal[uint]("-1", "", "out of range"),
		"from float":   refusal[int]("1.0", "", "float"),
		"from bool":    refusal[int]("True", "", "bool"),
		"from str":     refusal[int]("'1'", "", "Python str to int"),
		"big of float": refusal[*big.Int]("1.0", "", "float"),
	} {
		t.Run(name, test)
	}
}

func TestAsFloats(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"float64":            conversion("0.1", 0.1),
		"float32 rounds":     conversion("0.1", float32(0.1)),
		"inf":                conversion("float('inf')", float32(math.Inf(1))),
		"from int":           conversion("2**53", float64(1<<53)),
		"float32 from int":   conversion("2**24", float32(1<<24)),
		"huge but exact":     conversion("2**1000", math.Ldexp(1, 1000)),
		"complex128":         conversion("1+2j", complex(1, 2)),
		"complex64":          conversion("1+2j", complex64(complex(1, 2))),
		"complex from float": conversion("1.5", complex(1.5, 0)),
		"complex from int":   conversion("3", complex(3, 0)),
		"inexact":            refusal[float64]("2**53 + 1", "", "not exact"),
		"float32 inexact":    refusal[float32]("2**24 + 1", "", "not exact"),
		"too large":          refusal[float64]("2**1024", "", "not exact"),
		"float32 over":       refusal[float32]("1e39", "", "out of range"),
		"complex inexact":    refusal[complex128]("2**53 + 1", "", "not exact"),
		"complex64 inexact":  refusal[complex64]("2**24 + 1", "", "not exact"),
		"complex too large":  refusal[complex128]("2**1024", "", "not exact"),
		"complex64 over":     refusal[complex64]("complex(1, 1e39)", "", "out of range"),
		"float of complex":   refusal[float64]("1j", "", "complex"),
		"float of bool":      refusal[float64]("True", "", "bool"),
	} {
		t.Run(name, test)
	}
}

func TestAsContainers(t *testing.T) {
	one, two := 1, 2
	for name, test := range map[string]func(*testing.T){
		"bool":             conversion("True", true),
		"string":           conversion("'a\\x00ü'", "a\x00ü"),
		"named string":     conversion("'n'", named("n")),
		"bytes":            conversion("b'a\\x00'", []byte("a\x00")),
		"bytes of buffer":  conversion("bytearray(b'ab')", []byte("ab")),
		"buffer of bytes":  conversion("b'ab'", pybridge.ByteArray("ab")),
		"bytes of list":    conversion("[1, 255]", []byte{1, 255}),
		"named bytes":      conversion("b'x'", blob("x")),
		"slice":            conversion("[1, 2]", []int{1, 2}),
		"slice of tuple":   conversion("(1, 2)", []int16{1, 2}),
		"empty slice":      conversion("[]", []string{}),
		"tuple":            conversion("(1, 'a')", pybridge.Tuple{int64(1), "a"}),
		"array":            conversion("[1, 2, 3]", [3]int{1, 2, 3}),
		"empty array":      conversion("()", [0]int{}),
		"map":              conversion("{'a': 1}", map[string]int{"a": 1}),
		"map of slices":    conversion("{1: ['x']}", map[int][]string{1: {"x"}}),
		"map of any":       conversion("{1: 2, 'a': 3}", map[any]any{int64(1): int64(2), "a": int64(3)}),
		"dict":             conversion("{1: 2}", pybridge.Dict{{int64(1), int64(2)}}),
		"set":              conversion("{1, 2}", map[int]struct{}{1: {}, 2: {}}),
		"frozenset":        conversion("frozenset('a')", map[string]struct{}{"a": {}}),
		"slice of set":     conversion("{7}", []int{7}),
		"pointer":          conversion("1", &one),
		"nil pointer":      conversion("None", (*int)(nil)),
		"pointers":         conversion("[1, None, 2]", []*int{&one, nil, &two}),
		"any":              conversion[any]("[None]", []any{nil}),
		"slice of any":     conversion("[1, None]", []any{int64(1), nil}),
		"array too short":  refusal[[2]int]("[1]", "", "it has 1 items"),
		"array too long":   refusal[[2]int]("[1, 2, 3]", "", "it has 3 items"),
		"item":             refusal[[]int]("[1, 'a']", "[1]", "Python str to int"),
		"nested item":      refusal[map[string][]int8]("{'k': [1, 1000]}", `["k"][1]`, "out of range"),
		"byte over":        refusal[[]byte]("[1, 256]", "[1]", "out of range"),
		"map value":        refusal[map[int]string]("{1: 2}", "[1]", "Python int to string"),
		"unhashable in Go": refusal[map[any]int]("{b'x': 1}", "", "Go cannot hash it"),
		"tuple as key":     refusal[map[any]struct{}]("{(1,)}", "", "Go cannot hash it"),
		"dict of list":     refusal[map[string]int]("[1]", "", "Python list to map[string]int"),
		"slice of dict":    refusal[[]int]("{}", "", "Python dict to []int"),
		"str as bytes":     refusal[[]byte]("'x'", "", "Python str"),
		"bytes as str":     refusal[string]("b'x'", "", "Python bytes"),
		"list as set":      refusal[map[int]struct{}]("[1]", "", "Python list"),
		"None as int":      refusal[int]("None", "", "Python NoneType"),
		"struct":           refusal[link]("{}", "", "pybridge_test.link"),
		"channel":          refusal[chan int]("1", "", "chan int"),
		"interface":        refusal[error]("1", "", "error"),
	} {
		t.Run(name, test)
	}
}

func TestAsObjects(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		list := pythontest.Eval(t, tok, "[object(), len]")
		for i, o := range as[[]*pybridge.Object](t, tok, list) {
			item, err := list.Item(tok, i)
			require.NoError(t, err)
			is := pythontest.Define(t, tok, "def same(a, b): return a is b", "same")
			assert.True(t, as[bool](t, tok, call(t, tok, is, o, item)))
			o.Release()
			item.Release()
		}
	})
}

// The objects of a conversion that fails later are given back at once, not by the garbage collector.
func TestFailedConversionKeepsNoObjects(t *testing.T) {
	type row struct{ O *pybridge.Object }
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "[[object(), object()], [object(), 1], 2]")
		before := pybridge.Owned()
		v, err := pybridge.As[[][]*pybridge.Object](tok, o)
		assertConversionError(t, err, "[2]", "Python int")
		assert.Nil(t, v)
		_, err = pybridge.As[map[string]*row](tok, o)
		assert.Error(t, err)
		assert.Equal(t, before, pybridge.Owned())
	})
}
