package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Magic begins every flat form. No pickle of protocol 2 or later begins so.
const Magic = "gopW"

const (
	version = 1

	prelude    = 32 // bytes before the tables
	storageRow = 8
	tensorRow  = 16 // bytes of a tensor with no dimension
	dimension  = 16

	requiresGrad = 1

	// MaxDims is torch's own limit of what its operators iterate over.
	MaxDims = 64
)

// ErrLimit is what a flat form that is larger than allowed is refused with.
var ErrLimit = errors.New("larger than allowed")

// FormatError says what is wrong with a flat form, and at which of its bytes.
type FormatError struct {
	Offset int64
	What   string
	Err    error // io.ErrUnexpectedEOF where it ends too early
}

// Error is the text of the error.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (e *FormatError) Error() string {
	return fmt.Sprintf("malformed flat payload: at byte %d: %s", e.Offset, e.What)
}

// Unwrap is the reason, if it has one.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (e *FormatError) Unwrap() error { return e.Err }

// Limits are what a reader accepts. Zero: no limit.
type Limits struct {
	Data    int64 // bytes of the pickle
	Tensors int64 // number of tensors
	Bytes   int64 // bytes of all storages together
}

// Head describes one payload.
type Head struct {
	Data     int64   // bytes of the pickle
	Storages []int64 // bytes of each
	Tensors  []Tensor
}

// Tensor is a strided view of a storage. Offset and strides are counted in elements.
type Tensor struct {
	DType          DType
	RequiresGrad   bool
	Storage        int
	Offset         int64
	Sizes, Strides []int64
}

// Extent is the bytes of its storage that the tensor shows, from the first to the last; both 0 for a
// tensor without elements. Not ok: a number is negative, or the bytes cannot be counted.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (t *Tensor) Extent() (from, to int64, ok bool) {
	item := t.DType.Size()
	if item == 0 || t.Offset < 0 || len(t.Sizes) != len(t.Strides) {
		return 0, 0, false
	}
	last, count := t.Offset, int64(1)
	empty := false
	for i, size := range t.Sizes {
		if size < 0 || t.Strides[i] < 0 {
			return 0, 0, false
		}
		empty = empty || size == 0
	}
	if empty {
		return 0, 0, true
	}
	for i, size := range t.Sizes {
		reach, ok1 := times(size-1, t.Strides[i])
		sum, ok2 := plus(last, reach)
		product, ok3 := times(count, size)
		if !ok1 || !ok2 || !ok3 {
			return 0, 0, false
		}
		last, count = sum, product
	}
	end, ok1 := plus(last, 1)
	to, ok2 := times(end, item)
	_, ok3 := times(count, item) // torch counts them so
	if !ok1 || !ok2 || !ok3 {
		return 0, 0, false
	}
	return t.Offset * item, to, true
}

func times(a, b int64) (int64, bool) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return int64(low), high == 0 && low <= math.MaxInt64
}

func plus(a, b int64) (int64, bool) { return a + b, a <= math.MaxInt64-b }

// Append writes the head behind b. The head must be one that [Read] accepts; otherwise the error says
// what is wrong with it.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (h *Head) Append(b []byte) ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	tables := len(h.Storages) * storageRow
	for i := range h.Tensors {
		tables += tensorRow + dimension*len(h.Tensors[i].Sizes)
	}
	le := binary.LittleEndian
	b = append(b, Magic...)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, uint64(h.Data))
	b = le.AppendUint32(b, uint32(len(h.Storages)))
	b = le.AppendUint32(b, uint32(len(h.Tensors)))
	b = le.AppendUint64(b, uint64(tables))
	b = appendAll(b, h.Storages)
	for _, t := range h.Tensors {
		flags := byte(0)
		if t.RequiresGrad {
			flags = requiresGrad
		}
		b = append(b, byte(t.DType), flags)
		b = le.AppendUint16(b, uint16(len(t.Sizes)))
		b = le.AppendUint32(b, uint32(t.Storage))
		b = le.AppendUint64(b, uint64(t.Offset))
		b = appendAll(b, t.Sizes)
		b = appendAll(b, t.Strides)
	}
	return b, nil
}

func appendAll(b []byte, values []int64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// check is for heads made here; what was read is checked as it is read, to say where it is wrong.
func (h *Head) check() error {
	if h.Data < 0 || len(h.Storages) > math.MaxUint32 || len(h.Tensors) > math.MaxUint32 {
		return fmt.Errorf("head: %d bytes, %d storages, %d tensors", h.Data, len(h.Storages), len(h.Tensors))
	}
	used := make([]bool, len(h.Storages))
	for i := range h.Tensors {
		t := &h.Tensors[i]
		if t.Storage < 0 || t.Storage >= len(h.Storages) {
			return fmt.Errorf("tensor %d: there is no storage %d", i, t.Storage)
		}
		used[t.Storage] = true
		if what := t.wrong(h.Storages[t.Storage]); what != "" {
			return fmt.Errorf("tensor %d: %s", i, what)
		}
	}
	return unused(used)
}

func unused(used []bool) error {
	for i, u := range used {
		if !u {
			return fmt.Errorf("storage %d belongs to no tensor", i)
		}
	}
	return nil
}

// wrong says what is wrong with a tensor over a storage of so many bytes; "" for nothing.
func (t *Tensor) wrong(storage int64) string {
	if t.DType.Size() == 0 {
		return fmt.Sprintf("there is no element type %d", uint8(t.DType))
	}
	if t.RequiresGrad && !t.DType.differentiable() {
		return fmt.Sprintf("%s with requires_grad", t.DType)
	}
	if len(t.Sizes) > MaxDims {
		return fmt.Sprintf("%d dimensions, at most %d are possible", len(t.Sizes), MaxDims)
	}
	_, to, ok := t.Extent()
	if !ok {
		return fmt.Sprintf("offset %d, sizes %v and strides %v cannot be", t.Offset, t.Sizes, t.Strides)
	}
	if to > storage {
		return fmt.Sprintf("offset %d, sizes %v and strides %v of %s reach to byte %d of a storage of %d",
			t.Offset, t.Sizes, t.Strides, t.DType, to, storage)
	}
	if to == 0 && t.Offset != 0 {
		return fmt.Sprintf("offset %d of a tensor without elements", t.Offset)
	}
	return ""
}
