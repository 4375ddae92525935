package handler

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"unsafe"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/handler/wire"
	"github.com/pyrpc/pyrpc/pybridge"
)

// Flat is a payload as bytes for a wire, in the form that package handler/wire describes. The pickle
// and the tensors' memory are not copied: whoever writes there before the bytes have left changes
// what arrives.
type Flat struct {
	segments [][]byte
	kept     *pybridge.Object // owns the memory of the segments, until Release; nil without tensors
}

// Flatten describes a payload for a wire (torch's wireSerialize). Its tensors are plain CPU tensors, as
// [Handler.Serialize] gives them; another is an error that names it. Of each storage travels what the
// payload's tensors show, from the first to the last byte, once.
//
// GIL: acquires, if there are tensors; must not be held
// Thread: any
// Ref: borrows p's tensors; Flat holds their memory, until its Release
// Blocks: ctx
func (h *Handler) Flatten(ctx context.Context, p Payload) (*Flat, error) {
	gil.AssertNotHeld()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	head := wire.Head{Data: int64(len(p.Data))}
	f := &Flat{}
	if len(p.Tensors) > 0 {
		if err := h.describe(ctx, p, &head, f); err != nil {
			return nil, fmt.Errorf("flatten: %w", err)
		}
	}
	first, err := head.Append(nil)
	if err != nil {
		f.Release()
		return nil, fmt.Errorf("flatten: %w", err)
	}
	f.segments = slices.DeleteFunc(slices.Concat([][]byte{first, p.Data}, f.segments),
		func(s []byte) bool { return len(s) == 0 })
	return f, nil
}

// Segments are the bytes in order, valid until Release, and as long as f is reachable.
//
// GIL: not needed
// Thread: any
// Ref: borrowed
// Blocks: no
func (f *Flat) Segments() [][]byte { return slices.Clone(f.segments) }

// Len is the number of bytes.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (f *Flat) Len() int64 {
	n := int64(0)
	for _, s := range f.segments {
		n += int64(len(s))
	}
	return n
}

// WriteTo writes the bytes, with as few system calls as the connection can (writev). Not during or
// after Release. It can be repeated.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: w
func (f *Flat) WriteTo(w io.Writer) (int64, error) {
	defer runtime.KeepAlive(f) // whose finding would release the memory
	buffers := net.Buffers(f.Segments())
	return buffers.WriteTo(w)
}

// Release gives up the tensors' memory. Again it does nothing.
//
// GIL: any
// Thread: any
// Ref: consumes the Flat's
// Blocks: no
func (f *Flat) Release() {
	if f == nil {
		return
	}
	f.segments = nil
	f.kept.Release()
}

// description is what describe_tensors of pyrpc/_wire.py gives.
type description struct {
	dtypes            []string
	numbers, storages []int64
}

func (h *Handler) describe(ctx context.Context, p Payload, head *wire.Head, f *Flat) (err error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.New("tensors travel in little-endian order, and this machine's is another")
	}
	var d description
	// Nothing of the user's runs, so there is nothing to get away from.
	err = h.inside(gil.Stay(ctx), func(t gil.Token) error {
		table, err := p.table(t)
		if err != nil {
			return err
		}
		defer table.Release()
		result, err := h.describeTensors.Call(t, table)
		if err != nil {
			return err
		}
		defer result.Release()
		if d, err = descriptionOf(t, result); err != nil {
			return err
		}
		if f.kept, err = result.Item(t, 3); err == nil {
			f.kept.Named("memory of a flat payload")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := d.fill(head, f); err != nil {
		f.Release()
		return err
	}
	return nil
}

func descriptionOf(t gil.Token, result *pybridge.Object) (d description, err error) {
	if d.dtypes, err = item[[]string](t, result, 0); err != nil {
		return d, err
	}
	if d.numbers, err = item[[]int64](t, result, 1); err != nil {
		return d, err
	}
	d.storages, err = item[[]int64](t, result, 2)
	return d, err
}

func item[T any](t gil.Token, o *pybridge.Object, i int) (v T, err error) {
	part, err := o.Item(t, i)
	if err != nil {
		return v, err
	}
	defer part.Release()
	return pybridge.As[T](t, part)
}

// fill makes the head's tensors and f's segments of the numbers.
func (d *description) fill(head *wire.Head, f *Flat) error {
	numbers := d.numbers
	next := func(n int) []int64 {
		values := numbers[:n:n]
		numbers = numbers[n:]
		return values
	}
	for i, name := range d.dtypes {
		dtype, ok := wire.DTypeOf(name)
		if !ok {
			return fmt.Errorf("tensor %d of the table is of torch.%s, which the flat form does not have", i, name)
		}
		fixed := next(4)
		dims := int(fixed[3])
		head.Tensors = append(head.Tensors, wire.Tensor{
			DType: dtype, RequiresGrad: fixed[0] != 0, Storage: int(fixed[1]), Offset: fixed[2],
			Sizes: next(dims), Strides: next(dims),
		})
	}
	sizes := make([]int64, len(d.storages)/2)
	for i := range sizes {
		sizes[i] = d.storages[2*i+1]
	}
	starts, err := head.Cut(sizes)
	if err != nil {
		return err
	}
	for i, start := range starts {
		f.segments = append(f.segments, memory(d.storages[2*i], start, head.Storages[i]))
	}
	return nil
}

// memory is size bytes of Python's, from offset bytes behind the address on.
func memory(address, offset, size int64) []byte {
	if size == 0 {
		return nil
	}
	at := uintptr(address + offset)
	// Not Go's memory, so not memory that could move; go vet cannot know.
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), size)
}
