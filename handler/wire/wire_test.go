package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/wire"
)

var float32s, _ = wire.DTypeOf("float32")

// sample has a matrix, its transpose over the same storage, a scalar, and a tensor without elements.
func sample() *wire.Head {
	return &wire.Head{
		Data:     7,
		Storages: []int64{24, 4, 0},
		Tensors: []wire.Tensor{
			{DType: float32s, Sizes: []int64{2, 3}, Strides: []int64{3, 1}},
			{DType: float32s, RequiresGrad: true, Offset: 1, Sizes: []int64{2, 2}, Strides: []int64{1, 3}},
			{DType: float32s, Storage: 1, Sizes: []int64{}, Strides: []int64{}},
			{DType: float32s, Storage: 2, Sizes: []int64{0, 3}, Strides: []int64{3, 1}},
		},
	}
}

func encoded(t testing.TB, h *wire.Head) []byte {
	t.Helper()
	b, err := h.Append(nil)
	require.NoError(t, err)
	return b
}

func TestReadIsTheInverseOfAppend(t *testing.T) {
	for _, h := range []*wire.Head{{}, {Data: math.MaxInt64}, sample()} {
		b := encoded(t, h)
		r := bytes.NewReader(append(b, "behind"...))
		got, err := wire.Read(iotest.OneByteReader(r), wire.Limits{})
		require.NoError(t, err)
		assert.Equal(t, h, got)
		assert.Equal(t, len("behind"), r.Len(), "no byte behind the head is read")
	}
}

func TestReadCutOff(t *testing.T) {
	b := encoded(t, sample())
	_, err := wire.Read(bytes.NewReader(nil), wire.Limits{})
	require.Equal(t, io.EOF, err)
	for n := 1; n < len(b); n++ {
		_, err := wire.Read(bytes.NewReader(b[:n]), wire.Limits{})
		var format *wire.FormatError
		require.ErrorAs(t, err, &format, "%d bytes", n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, int64(n), format.Offset)
	}
	broken := errors.New("line is down")
	_, err = wire.Read(io.MultiReader(bytes.NewReader(b[:40]), iotest.ErrReader(broken)), wire.Limits{})
	require.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, io.ErrUnexpectedEOF)
}

// TestMalformed changes one number of a good head.
func TestMalformed(t *testing.T) {
	const tensor0 = 32 + 3*8
	le := binary.LittleEndian
	for _, c := range []struct {
		at     int
		value  any
		offset int64
		text   string
	}{
		{0, uint8('P'), 0, "magic"},
		{4, uint16(2), 4, "version 2; this program reads version 1"},
		{6, uint16(1), 6, "in place of zero"},
		{8, uint64(1 << 63), 8, "pickle"},
		{16, uint32(5), 16, "5 storages for 4 tensors"},
		{20, uint32(5), 32 + 184, "no room for the row of tensor 4"},
		{20, uint32(3), 32 + 136, "behind the last"},
		{24, uint64(1 << 40), 24, "tables"},
		{24, uint64(8), 24, "tables"},
		{32, uint64(23), tensor0, "reach to byte 24 of a storage of 23"},
		{32, uint64(1 << 63), 32, "cannot be"},
		{40, uint64(math.MaxInt64), 40, "more than there can be"},
		{tensor0, uint8(0), tensor0, "no element type 0"},
		{tensor0, uint8(200), tensor0, "no element type 200"},
		{tensor0, uint8(8), tensor0, "reach"},
		{tensor0 + 48, uint8(13), tensor0 + 48, "bool with requires_grad"},
		{tensor0 + 1, uint8(2), tensor0 + 1, "flags"},
		{tensor0 + 2, uint16(65), tensor0 + 2, "no room for 65 dimensions"},
		{tensor0 + 4, uint32(3), tensor0 + 4, "no storage 3"},
		{tensor0 + 4, uint32(1), tensor0, "reach"},
		{tensor0 + 8, uint64(1), tensor0, "reach"},
		{tensor0 + 8, uint64(1 << 63), tensor0 + 8, "offset"},
		{tensor0 + 16, uint64(3), tensor0, "reach to byte 36"},
		{tensor0 + 16, uint64(1 << 62), tensor0, "cannot be"},
		{tensor0 + 16, uint64(1 << 63), tensor0 + 16, "cannot be"},
		{tensor0 + 32, uint64(math.MaxInt64), tensor0, "cannot be"},
	} {
		b := encoded(t, sample())
		switch v := c.value.(type) {
		case uint8:
			b[c.at] = v
		case uint16:
			le.PutUint16(b[c.at:], v)
		case uint32:
			le.PutUint32(b[c.at:], v)
		case uint64:
			le.PutUint64(b[c.at:], v)
		}
		_, err := wire.Read(bytes.NewReader(b), wire.Limits{})
		var format *wire.FormatError
		if assert.ErrorAs(t, err, &format, "%+v", c) {
			assert.ErrorContains(t, err, c.text, "%+v", c)
			assert.Equal(t, c.offset, format.Offset, "%+v: %v", c, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, change := range map[string]func(*wire.Head){
		"there is no storage 9":  func(h *wire.Head) { h.Tensors[0].Storage = 9 },
		"storage 3 belongs":      func(h *wire.Head) { h.Storages = append(h.Storages, 1) },
		"cannot be":              func(h *wire.Head) { h.Tensors[0].Strides[0] = -1 },
		"65 dimensions":          func(h *wire.Head) { h.Tensors[0].Sizes = make([]int64, 65) },
		"no element type 0":      func(h *wire.Head) { h.Tensors[0].DType = 0 },
		"without elements":       func(h *wire.Head) { h.Tensors[3].Offset = 1 },
		"reach to byte 24":       func(h *wire.Head) { h.Storages[0] = 20 },
		"head: -1 bytes":         func(h *wire.Head) { h.Data = -1 },
		"sizes [2 3 1] and stri": func(h *wire.Head) { h.Tensors[0].Sizes = []int64{2, 3, 1} },
	} {
		h := sample()
		change(h)
		_, err := h.Append(nil)
		assert.ErrorContains(t, err, name)
	}
}

func TestLimits(t *testing.T) {
	b := encoded(t, sample())
	_, err := wire.Read(bytes.NewReader(b), wire.Limits{Data: 7, Tensors: 4, Bytes: 28})
	require.NoError(t, err)
	for text, limits := range map[string]wire.Limits{
		"pickle: 7, allowed are 6":   {Data: 6},
		"tensors: 4, allowed are 3":  {Tensors: 3},
		"tensors: 28, allowed are 2": {Bytes: 27},
	} {
		_, err := wire.Read(bytes.NewReader(b), limits)
		require.ErrorIs(t, err, wire.ErrLimit)
		assert.ErrorContains(t, err, text)
	}
}

// TestClaimsCostNothing: four thousand million tensors are claimed, and none is there.
func TestClaimsCostNothing(t *testing.T) {
	b := encoded(t, &wire.Head{})
	binary.LittleEndian.PutUint32(b[20:], math.MaxUint32)
	binary.LittleEndian.PutUint64(b[24:], math.MaxUint32*16)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := wire.Read(bytes.NewReader(b), wire.Limits{})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// TestCut: only the part that is shown, from a multiple of 64 bytes on.
func TestCut(t *testing.T) {
	h := sample()
	h.Tensors[0].Offset, h.Tensors[1].Offset = 100, 90
	starts, err := h.Cut([]int64{4096, 4, 8})
	require.NoError(t, err)
	assert.Equal(t, []int64{320, 0, 0}, starts)
	assert.Equal(t, []int64{106*4 - 320, 4, 0}, h.Storages)
	assert.Equal(t, int64(20), h.Tensors[0].Offset)
	assert.Equal(t, int64(10), h.Tensors[1].Offset)
	encoded(t, h)
	_, err = sample().Cut([]int64{23, 4, 8})
	require.ErrorContains(t, err, "reach to byte 24 of a storage of 23")
	_, err = sample().Cut([]int64{24, 4})
	assert.ErrorContains(t, err, "no storage 2")
}

func TestDTypes(t *testing.T) {
	seen := map[string]bool{}
	for i := range 256 {
		d := wire.DType(i)
		if d.Size() == 0 {
			continue
		}
		again, ok := wire.DTypeOf(d.String())
		assert.True(t, ok)
		assert.Equal(t, d, again)
		assert.False(t, seen[d.String()], "%s has two numbers", d)
		seen[d.String()] = true
	}
	assert.Len(t, seen, 20)
	_, ok := wire.DTypeOf("quint8")
	assert.False(t, ok)
}

// FuzzRead: whatever arrives is refused or has exactly one head.
func FuzzRead(f *testing.F) {
	f.Add(encoded(f, sample()))
	f.Add(encoded(f, &wire.Head{Data: 1}))
	f.Add([]byte("gopW"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := wire.Read(r, wire.Limits{})
		if err != nil {
			return
		}
		again, err := h.Append(nil)
		require.NoError(t, err, "a head that Read accepts and Append refuses")
		assert.Equal(t, b[:len(b)-r.Len()], again)
	})
}
