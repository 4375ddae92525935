package pybridge_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func view(t testing.TB, tok gil.Token, o *pybridge.Object) *pybridge.View {
	t.Helper()
	v, err := o.View(tok)
	require.NoError(t, err)
	t.Cleanup(v.Release)
	return v
}

func TestViewShapes(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       pybridge.View
		bytes      []byte
	}{
		{"b'a\\0b'", pybridge.View{ReadOnly: true, Contiguous: true, Format: "B", ItemSize: 1, Shape: []int{3}, Strides: []int{1}}, []byte("a\x00b")},
		{"bytearray(b'xy')", pybridge.View{Contiguous: true, Format: "B", ItemSize: 1, Shape: []int{2}, Strides: []int{1}}, []byte("xy")},
		{"b''", pybridge.View{ReadOnly: true, Contiguous: true, Format: "B", ItemSize: 1, Shape: []int{0}, Strides: []int{1}}, []byte{}},
		{"__import__('array').array('H', [1, 2])", pybridge.View{Contiguous: true, Format: "H", ItemSize: 2, Shape: []int{2}, Strides: []int{2}}, []byte{1, 0, 2, 0}},
		{"__import__('array').array('d')", pybridge.View{Contiguous: true, Format: "d", ItemSize: 8, Shape: []int{0}, Strides: []int{8}}, []byte{}},
		{"memoryview(b'abcd')[1:3]", pybridge.View{ReadOnly: true, Contiguous: true, Format: "B", ItemSize: 1, Shape: []int{2}, Strides: []int{1}}, []byte("bc")},
		{"memoryview(b'abcd')[::2]", pybridge.View{ReadOnly: true, Format: "B", ItemSize: 1, Shape: []int{2}, Strides: []int{2}}, nil},
		{"memoryview(b'abcd')[::-1]", pybridge.View{ReadOnly: true, Format: "B", ItemSize: 1, Shape: []int{4}, Strides: []int{-1}}, nil},
		{"memoryview(b'abcdef').cast('B', (2, 3))", pybridge.View{ReadOnly: true, Contiguous: true, Format: "B", ItemSize: 1, Shape: []int{2, 3}, Strides: []int{3, 1}}, []byte("abcdef")},
		{"__import__('ctypes').c_uint16(258)", pybridge.View{Contiguous: true, Format: "<H", ItemSize: 2}, []byte{2, 1}},
	} {
		t.Run(c.expression, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				v := view(t, tok, pythontest.Eval(t, tok, c.expression))
				got := pybridge.View{ReadOnly: v.ReadOnly, Contiguous: v.Contiguous, Format: v.Format, ItemSize: v.ItemSize, Shape: v.Shape, Strides: v.Strides}
				assert.Equal(t, c.want, got)
				assert.Equal(t, c.bytes == nil, v.Bytes() == nil)
				assert.True(t, bytes.Equal(c.bytes, v.Bytes()))
			})
			drained(t)
		})
	}
}

func TestViewIsTheMemoryItself(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "bytearray(b'abc')")
		v := view(t, tok, o)
		v.Bytes()[0] = 'X'
		assert.Equal(t, "bytearray(b'Xbc')", repr(t, tok, o))
		require.NoError(t, o.SetItem(tok, 1, int('Y')))
		assert.Equal(t, "XYc", string(v.Bytes()))
	})
}

func TestViewForbidsResizing(t *testing.T) {
	var o *pybridge.Object
	var v *pybridge.View
	pythontest.With(t, func(tok gil.Token) {
		o = pythontest.Eval(t, tok, "bytearray(b'abc')")
		v = view(t, tok, o)
		_, err := o.CallMethod(tok, "append", 1)
		assert.ErrorIs(t, err, pybridge.BufferError)
	})
	v.Release()
	v.Release()
	assert.Nil(t, v.Bytes())
	drained(t)
	pythontest.With(t, func(tok gil.Token) {
		done, err := o.CallMethod(tok, "append", 1)
		require.NoError(t, err)
		done.Release()
	})
}

func TestViewKeepsExporterAlive(t *testing.T) {
	var v *pybridge.View
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "bytes(range(256)) * 4096")
		v = view(t, tok, o)
		o.Release()
	})
	drained(t)
	assert.Equal(t, byte(255), v.Bytes()[255])
	assert.Len(t, v.Bytes(), 1<<20)
}

func TestViewOfObjectWithoutBuffer(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		_, err := pythontest.Eval(t, tok, "[1]").View(tok)
		assert.ErrorIs(t, err, pybridge.TypeError)
		released := pythontest.Define(t, tok, "value = memoryview(b'x')\nvalue.release()", "value")
		_, err = released.View(tok)
		assert.ErrorIs(t, err, pybridge.ValueError)
	})
}

func TestViewOfNumpy(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		numpy, err := pythontest.Runtime().Import(tok, "numpy")
		if err != nil {
			require.ErrorIs(t, err, pybridge.ModuleNotFoundError)
			t.Skipf("this Python has no numpy: %v", err)
		}
		defer numpy.Release()
		v := view(t, tok, pythontest.Eval(t, tok, "__import__('numpy').arange(6, dtype='<i2').reshape(2, 3)"))
		assert.Equal(t, []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0}, v.Bytes())
		assert.Equal(t, []int{2, 3}, v.Shape)
		assert.Equal(t, []int{6, 2}, v.Strides)
		assert.Equal(t, "h", v.Format)

		turned := view(t, tok, pythontest.Eval(t, tok, "__import__('numpy').arange(6, dtype='<i2').reshape(2, 3).T"))
		assert.False(t, turned.Contiguous)
		assert.Nil(t, turned.Bytes())
		assert.Equal(t, []int{2, 6}, turned.Strides)
	})
}
