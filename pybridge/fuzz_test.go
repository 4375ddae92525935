package pybridge_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// builder makes a value of the kinds that As[any] gives out of bytes, each choice one byte.
type builder struct{ data []byte }

func (b *builder) take(n int) []byte {
	n = min(n, len(b.data))
	out := b.data[:n:n]
	b.data = b.data[n:]
	return out
}

func (b *builder) number() uint64 {
	var eight [8]byte
	copy(eight[:], b.take(8))
	return binary.LittleEndian.Uint64(eight[:])
}

func (b *builder) text() string {
	text := string(b.take(int(b.number() % 40)))
	if !utf8.ValidString(text) {
		return "invalid"
	}
	return text
}

func (b *builder) value(depth int) any {
	choice := byte(0)
	if c := b.take(1); len(c) == 1 {
		choice = c[0]
	}
	kinds := byte(14)
	if depth > 6 {
		kinds = 9
	}
	switch choice % kinds {
	case 1:
		return choice > 127
	case 2:
		return int64(b.number())
	case 3:
		n := new(big.Int).SetBytes(b.take(int(choice)))
		if choice > 127 {
			n.Neg(n)
		}
		if n.IsInt64() {
			return n.Int64()
		}
		return n
	case 4:
		return b.float()
	case 5:
		return complex(b.float(), b.float())
	case 6:
		return b.text()
	case 7:
		return append([]byte{}, b.take(int(choice))...)
	case 8:
		return pybridge.ByteArray(append([]byte{}, b.take(int(choice))...))
	case 9:
		return b.values(depth)
	case 10:
		return pybridge.Tuple(b.values(depth))
	case 11:
		return b.dict(depth)
	case 12:
		return pybridge.Set{b.text()}
	case 13:
		return pybridge.FrozenSet{int64(b.number())}
	}
	return nil
}

// float gives no NaN, which is not equal to itself.
func (b *builder) float() float64 {
	f := math.Float64frombits(b.number())
	if math.IsNaN(f) {
		return 0.5
	}
	return f
}

func (b *builder) values(depth int) []any {
	out := []any{}
	for range b.number() % 5 {
		out = append(out, b.value(depth+1))
	}
	return out
}

func (b *builder) dict(depth int) pybridge.Dict {
	out := pybridge.Dict{}
	for range b.number() % 5 {
		key := b.text()
		if _, found := out.Get(key); !found {
			out = append(out, pybridge.DictItem{Key: key, Value: b.value(depth + 1)})
		}
	}
	return out
}

func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{
		"", "\x01", "\x81", "\x02\xff\xff\xff\xff\xff\xff\xff\x7f", "\x03abc", "\xad0123456789abcdef0123", "\x04\x00\x00\x00\x00\x00\x00\x00\x80",
		"\x05\x00\x00\x00\x00\x00\x00\xf0\x7f\x00\x00\x00\x00\x00\x00\xf0\xff", "\x06\x05\x00\x00\x00\x00\x00\x00\x00a\x00b\xc3\xbc",
		"\x06\x04\x00\x00\x00\x00\x00\x00\x00\xf0\x9f\x90\x8d", "\x07\x00\xff", "\x08xyz", "\x09\x02\x00\x00\x00\x00\x00\x00\x00\x01\x02aaaa",
		"\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x09", "\x0c\x01\x00\x00\x00\x00\x00\x00\x00a", "\x0dabc",
		"\x0b\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00a\x02\x01\x00\x00\x00\x00\x00\x00\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := (&builder{data}).value(0)
		pythontest.With(t, func(tok gil.Token) {
			o, err := pybridge.ToPython(tok, v)
			require.NoError(t, err)
			defer o.Release()
			assert.Equal(t, v, as[any](t, tok, o))
		})
	})
}

// Whatever literal Python can read converts or is refused, and what was converted means the same
// when it comes back.
func FuzzLiteral(f *testing.F) {
	for _, seed := range []string{
		"None", "True", "0", "-2**63", "9223372036854775808", "1e400", "-0.0", "1_0j", "''", "'\\ud800'", `"\U0001F40D"`, "b'\\xff'",
		"[1, [2, (3,)]]", "{'a': {1: {2}}}", "{(1, 2): [None]}", "{1, 'a', b'b'}", "...", "()", "[[[[[[]]]]]]", "1+2j", "{**1}", "'\\x00'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pythontest.With(t, func(tok gil.Token) {
			ast, err := pythontest.Runtime().Import(tok, "ast")
			require.NoError(t, err)
			defer ast.Release()
			o, err := ast.CallMethod(tok, "literal_eval", text)
			if err != nil {
				return // not a literal
			}
			defer o.Release()
			v, err := pybridge.As[any](tok, o)
			if err != nil {
				var refused *pybridge.ConversionError
				require.ErrorAs(t, err, &refused)
				return
			}
			back, err := pybridge.ToPython(tok, v)
			require.NoError(t, err)
			defer back.Release()
			same := pythontest.Define(t, tok, "def same(a, b): return type(a) is type(b) and (a == b or repr(a) == repr(b))", "same")
			equal, err := same.Call(tok, o, back)
			require.NoError(t, err)
			defer equal.Release()
			assert.True(t, as[bool](t, tok, equal), "%#v", v)
		})
	})
}
