package pycall_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestBytesOfAnySize(t *testing.T) {
	fn := function(t, "def f(data): return bytes(data)[::-1]")
	for _, size := range []int{0, 1, 2 << 10, 2<<10 + 1, 64<<10 - 1, 64 << 10, 1 << 20} {
		payload := bytes.Repeat([]byte("ab\x00"), size/3+1)[:size]
		out, err := callBytes(background, fn, payload, nil)
		require.NoError(t, err)
		require.Contains(t, []cpython.What{cpython.Bytes, cpython.LentBytes}, out.What)
		assert.Len(t, out.Data, size)
		for i, b := range payload {
			if out.Data[size-1-i] != b {
				require.Fail(t, "wrong byte", "size %d, at %d", size, i)
			}
		}
	}
}

func TestBytesGivesObjectsAndExceptions(t *testing.T) {
	fn := function(t, "def f(data, extra):\n    if data: raise ValueError(data)\n    return extra")
	out, err := callBytes(background, fn, nil, cpython.True())
	require.NoError(t, err)
	assert.Equal(t, cpython.Object, out.What)
	assert.Equal(t, cpython.True(), out.Ref)
	cpython.ReleaseLater(out.Ref)
	out, err = callBytes(background, fn, []byte("bad"), cpython.True())
	require.NoError(t, err)
	assert.Equal(t, cpython.Exception, out.What)
	cpython.ReleaseLater(out.Ref)
}

func TestBytesRefusesHolder(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pythontest.With(t, func(tok gil.Token) {
		assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := callBytes(background, fn, nil, nil); return err }), gil.ErrHeld)
		assert.True(t, gil.Held(), "still held")
		assert.NoError(t, gil.Detach(tok, func() {
			_, err := callBytes(background, fn, nil, nil)
			assert.NoError(t, err)
		}))
	})
}

// The holders of the permits may be waiting for the caller's GIL.
func TestBytesRefusesHolderWithoutWaiting(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pythontest.Quiet(t)
	pythontest.With(t, func(gil.Token) {
		giveBack := pythontest.Exhaust(t, 1)
		assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := callBytes(background, fn, nil, nil); return err }), gil.ErrHeld)
		giveBack()
	})
}

func TestBytesDropsPending(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pythontest.With(t, func(tok gil.Token) { // nobody else can drop it meanwhile
		o := pythontest.Eval(t, tok, "object()")
		o.Release()
		assert.Positive(t, gil.Stats().Pending)
	})
	_, err := callBytes(background, fn, nil, nil)
	require.NoError(t, err)
	assert.Zero(t, gil.Stats().Pending)
}
