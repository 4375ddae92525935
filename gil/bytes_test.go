package gil_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/pytest"
)

func TestCallBytesOfAnySize(t *testing.T) {
	fn := function(t, "def f(data): return bytes(data)[::-1]")
	for _, size := range []int{0, 1, 2 << 10, 2<<10 + 1, 64<<10 - 1, 64 << 10, 1 << 20} {
		payload := bytes.Repeat([]byte("ab\x00"), size/3+1)[:size]
		out, err := gil.CallBytes(background, fn, payload, nil)
		require.NoError(t, err)
		require.Nil(t, out.Exception)
		assert.Len(t, out.Data, size)
		for i, b := range payload {
			if out.Data[size-1-i] != b {
				require.Fail(t, "wrong byte", "size %d, at %d", size, i)
			}
		}
	}
}

func TestCallBytesGivesObjectsAndExceptions(t *testing.T) {
	fn := function(t, "def f(data, extra):\n    if data: raise ValueError(data)\n    return extra")
	out, err := gil.CallBytes(background, fn, nil, cpython.True())
	require.NoError(t, err)
	assert.Equal(t, cpython.True(), out.Object)
	cpython.ReleaseLater(out.Object)
	out, err = gil.CallBytes(background, fn, []byte("bad"), cpython.True())
	require.NoError(t, err)
	assert.NotNil(t, out.Exception)
	cpython.ReleaseLater(out.Exception)
}

func TestCallBytesRefusesHolder(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pytest.With(t, func(tok gil.Token) {
		assert.ErrorIs(t, pytest.Misuse(func() error { _, err := gil.CallBytes(background, fn, nil, nil); return err }), gil.ErrHeld)
		assert.NoError(t, use(tok), "still held")
		assert.NoError(t, gil.Detach(tok, func() {
			_, err := gil.CallBytes(background, fn, nil, nil)
			assert.NoError(t, err)
		}))
	})
}

// Those who have the permits may be waiting for the caller's GIL.
func TestCallBytesRefusesHolderWithoutWaiting(t *testing.T) {
	fn := function(t, "def f(data): return data")
	quiet(t)
	pytest.With(t, func(gil.Token) {
		giveBack := exhaust(t, 1)
		assert.ErrorIs(t, pytest.Misuse(func() error { _, err := gil.CallBytes(background, fn, nil, nil); return err }), gil.ErrHeld)
		giveBack()
	})
}

func TestCallBytesDropsPending(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pytest.With(t, func(tok gil.Token) { // nobody else can drop it meanwhile
		o := pytest.Eval(t, tok, "object()")
		o.Release()
		assert.Positive(t, gil.Stats().Pending)
	})
	_, err := gil.CallBytes(background, fn, nil, nil)
	require.NoError(t, err)
	assert.Zero(t, gil.Stats().Pending)
}
