package handler

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// description is tensors as gopyrpc/_tensors/description.py and this package tell each other of them; what is in it is written there.
type description struct {
	dtypes  string
	numbers []int64
}

// alone is said of a storage whose one tensor shows all of it, in order.
const alone = -1

func descriptionOf(t gil.Token, result *pybridge.Object) (d description, err error) {
	if d.dtypes, err = item[string](t, result, 0); err != nil {
		return d, err
	}
	d.numbers, err = numbersOf(t, result, 1)
	return d, err
}

func numbersOf(t gil.Token, o *pybridge.Object, i int) ([]int64, error) {
	b, err := item[[]byte](t, o, i)
	if err != nil {
		return nil, err
	}
	numbers := make([]int64, len(b)/8)
	for i := range numbers {
		numbers[i] = int64(binary.NativeEndian.Uint64(b[8*i:]))
	}
	return numbers, nil
}

func item[T any](t gil.Token, o *pybridge.Object, i int) (v T, err error) {
	part, err := o.Item(t, i)
	if err != nil {
		return v, err
	}
	defer part.Release()
	return pybridge.As[T](t, part)
}

// head is the head for the tensors, and the memory that they show.
func (d *description) head() (*wire.Head, [][]byte, error) {
	numbers := d.numbers
	next := func(n int64) []int64 {
		values := numbers[:n:n]
		numbers = numbers[n:]
		return values
	}
	storages := next(2 * next(1)[0])
	head := &wire.Head{}
	for i, name := range strings.Fields(d.dtypes) {
		dtype, ok := wire.DTypeOf(name)
		if !ok {
			return nil, nil, fmt.Errorf("tensor %d of the table is of torch.%s, which the flat form does not have", i, name)
		}
		fixed := next(4)
		head.Tensors = append(head.Tensors, wire.Tensor{
			DType: dtype, RequiresGrad: fixed[0] != 0, Storage: int(fixed[1]), Offset: fixed[2],
			Sizes: next(fixed[3]), Strides: next(fixed[3]),
		})
	}
	sizes := make([]int64, len(storages)/2)
	for i := range sizes {
		sizes[i] = storages[2*i+1]
	}
	starts, err := head.Cut(sizes)
	if err != nil {
		return nil, nil, err
	}
	segments := make([][]byte, len(starts))
	for i, start := range starts {
		segments[i] = memory(storages[2*i], start, head.Storages[i])
	}
	return head, segments, nil
}

// describe is the description of the tensors of a head.
func describe(head *wire.Head) description {
	shown := make([]int, len(head.Storages)) // by how many tensors
	for _, tensor := range head.Tensors {
		shown[tensor.Storage]++
	}
	numbers := append(make([]int64, 0, 1+len(head.Storages)+8*len(head.Tensors)), int64(len(head.Storages)))
	numbers = append(numbers, head.Storages...)
	dtypes := make([]string, len(head.Tensors))
	for i, tensor := range head.Tensors {
		grad := int64(0)
		if tensor.RequiresGrad {
			grad = 1
		}
		dtypes[i] = tensor.DType.String()
		numbers = append(numbers, grad, int64(tensor.Storage), tensor.Offset, int64(len(tensor.Sizes)))
		numbers = append(numbers, tensor.Sizes...)
		numbers = append(numbers, tensor.Strides...)
		if shown[tensor.Storage] == 1 && inOrder(tensor, head.Storages[tensor.Storage]) {
			numbers[1+tensor.Storage] = alone
		}
	}
	return description{strings.Join(dtypes, " "), numbers}
}

// inOrder says whether a tensor, whose numbers were checked, has its elements one after the other, as torch
// makes a new one, from the first byte to the last of size.
func inOrder(tensor wire.Tensor, size int64) bool {
	stride := int64(1)
	for i := len(tensor.Sizes) - 1; i >= 0; i-- {
		if tensor.Strides[i] != stride {
			return false
		}
		stride *= tensor.Sizes[i]
	}
	return tensor.Offset == 0 && stride*tensor.DType.Size() == size && size > 0
}

// bytes is the description's numbers as Python takes them.
func (d description) bytes() []byte {
	b := make([]byte, 0, 8*len(d.numbers))
	for _, n := range d.numbers {
		b = binary.NativeEndian.AppendUint64(b, uint64(n))
	}
	return b
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
