package handler_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// twoTensors is a flat payload whose tensors share a storage.
func twoTensors(t testing.TB, data int64) []byte {
	t.Helper()
	float32s, _ := wire.DTypeOf("float32")
	head := wire.Head{Data: data, Storages: []int64{16}, Tensors: []wire.Tensor{
		{DType: float32s, Sizes: []int64{4}, Strides: []int64{1}},
		{DType: float32s, RequiresGrad: true, Offset: 1, Sizes: []int64{2, 2}, Strides: []int64{0, 2}},
	}}
	b, err := head.Append(nil)
	require.NoError(t, err)
	return append(b, make([]byte, data+16)...)
}

func TestUnflattenCutOff(t *testing.T) {
	h := torchHandler(t)
	b := twoTensors(t, 5)
	owned := pybridge.Owned()
	for n := range b {
		for _, r := range []io.Reader{bytes.NewReader(b[:n]), iotest.OneByteReader(bytes.NewReader(b[:n]))} {
			p, err := h.Unflatten(t.Context(), r, wire.Limits{})
			require.Empty(t, p)
			if n == 0 {
				require.Equal(t, io.EOF, err)
				continue
			}
			var format *wire.FormatError
			require.ErrorAs(t, err, &format, "%d bytes", n)
			assert.Equal(t, int64(n), format.Offset)
		}
	}
	assert.Equal(t, owned, pybridge.Owned())
}

func TestUnflattenLimits(t *testing.T) {
	b := flatten(t, newHandler(t), handler.Payload{Data: make([]byte, 100)})
	for _, c := range []struct {
		own    int64
		limits wire.Limits
		fine   bool
	}{
		{0, wire.Limits{}, true}, {100, wire.Limits{}, true}, {0, wire.Limits{Data: 100}, true},
		{99, wire.Limits{}, false}, {0, wire.Limits{Data: 99}, false},
		{99, wire.Limits{Data: 100}, false}, {100, wire.Limits{Data: 99}, false},
	} {
		h := newHandler(t, handler.WithMaxPayload(c.own))
		_, err := h.Unflatten(t.Context(), bytes.NewReader(b), c.limits)
		if c.fine {
			assert.NoError(t, err, "%+v", c)
			continue
		}
		require.ErrorIs(t, err, handler.ErrTooLarge, "%+v", c)
		assert.ErrorContains(t, err, "100, allowed are 99")
	}
	_, err := newHandler(t).Unflatten(t.Context(), bytes.NewReader(twoTensors(t, 5)), wire.Limits{Bytes: 15})
	require.ErrorIs(t, err, handler.ErrTooLarge)
	_, err = newHandler(t).Unflatten(t.Context(), bytes.NewReader(twoTensors(t, 5)), wire.Limits{Tensors: 1})
	assert.ErrorIs(t, err, handler.ErrTooLarge)
}

// TestUnflattenClaims: a pickle of 1 GiB is announced, and 20 bytes of it come.
func TestUnflattenClaims(t *testing.T) {
	h := newHandler(t)
	head := wire.Head{Data: 1 << 30}
	b, err := head.Append(nil)
	require.NoError(t, err)
	b = append(b, make([]byte, 20)...)
	for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := h.Unflatten(t.Context(), r, wire.Limits{})
		runtime.ReadMemStats(&after)
		var format *wire.FormatError
		require.ErrorAs(t, err, &format)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, int64(52), format.Offset)
		assert.ErrorContains(t, err, "a pickle of 1073741824 bytes")
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
	}
}

func TestUnflattenWhatTorchLacks(t *testing.T) {
	h := torchHandler(t)
	for _, name := range []string{"uint16", "float8_e5m2", "float8_e4m3fnuz"} {
		if has := tensors(t, "hasattr(torch, '"+name+"')"); as[bool](t, has) {
			continue
		}
		b := twoTensors(t, 0)
		d, _ := wire.DTypeOf(name)
		b[32+8] = byte(d)
		_, err := h.Unflatten(t.Context(), bytes.NewReader(b), wire.Limits{})
		require.ErrorIs(t, err, pybridge.TypeError)
		assert.ErrorContains(t, err, "tensor 0 of the table is of torch."+name)
	}
}

func TestFlatOfAClosedHandler(t *testing.T) {
	torchHandler(t)
	h := newHandler(t)
	p := unflatten(t, h, twoTensors(t, 5))
	require.NoError(t, h.Cleanup(t.Context()))
	_, err := h.Unflatten(t.Context(), bytes.NewReader(twoTensors(t, 5)), wire.Limits{})
	require.ErrorIs(t, err, handler.ErrClosed)
	_, err = h.Flatten(t.Context(), p)
	assert.ErrorIs(t, err, handler.ErrClosed)
}

// FuzzUnflatten: what arrives is refused, or is a payload that flattens to equal tensors.
func FuzzUnflatten(f *testing.F) {
	h := newHandler(f)
	// Without torch only what has no tensors gets further than its head.
	if torch, err := handler.New(f.Context(), pythontest.Runtime(), handler.WithModule(handler.TorchModule)); err == nil {
		f.Cleanup(func() { assert.NoError(f, torch.Cleanup(context.Background())) })
	}
	f.Add(twoTensors(f, 5))
	f.Add(flatten(f, h, handler.Payload{Data: []byte("data")}))
	f.Add([]byte("gopW"))
	limits := wire.Limits{Data: 1 << 16, Tensors: 16, Bytes: 1 << 16}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := h.Unflatten(t.Context(), bytes.NewReader(b), limits)
		if err != nil {
			require.Empty(t, p)
			return
		}
		defer p.Release()
		flat := flatten(t, h, p)
		again := unflatten(t, h, flat)
		assert.Equal(t, p.Data, again.Data)
		assert.Len(t, again.Tensors, len(p.Tensors))
		assert.Equal(t, flat, flatten(t, h, again))
	})
}
