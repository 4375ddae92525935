package cpython

/*
#include "bridge.h"
*/
import "C"

import "unsafe"

// Buffer is a Py_buffer: a view of memory that a Python object exports, valid until [Buffer.Release].
type Buffer struct {
	view       *C.Py_buffer
	Contiguous bool // in C order
}

// GetBuffer is PyObject_GetBuffer with PyBUF_FULL_RO. GIL held.
func GetBuffer(o Ref) (*Buffer, error) {
	b := C.cpy_buffer_get(pyObject(o))
	if b.status != C.CPY_OK {
		return nil, statusError(b.status, b.ref)
	}
	return &Buffer{b.view, b.contiguous != 0}, nil
}

// Bytes is the exporter's own memory: len bytes from its start, meaningful when Contiguous.
func (b *Buffer) Bytes() []byte { return unsafe.Slice((*byte)(b.view.buf), b.view.len) }

// ReadOnly says that the exporter forbids writing.
func (b *Buffer) ReadOnly() bool { return b.view.readonly != 0 }

// ItemSize is the size of one item in bytes.
func (b *Buffer) ItemSize() int { return int(b.view.itemsize) }

// Format is the struct-module format of one item; "B" when the exporter gives none.
func (b *Buffer) Format() string {
	if b.view.format == nil {
		return "B"
	}
	return C.GoString(b.view.format)
}

// Shape is the number of items in each dimension.
func (b *Buffer) Shape() []int { return b.sizes(b.view.shape) }

// Strides is the distance in bytes between items in each dimension.
func (b *Buffer) Strides() []int { return b.sizes(b.view.strides) }

func (b *Buffer) sizes(p *C.Py_ssize_t) []int {
	if p == nil {
		return nil
	}
	out := make([]int, b.view.ndim)
	for i, v := range unsafe.Slice(p, b.view.ndim) {
		out[i] = int(v)
	}
	return out
}

// Release queues the view's release. Any goroutine; once.
func (b *Buffer) Release() { releaseViewLater(b.view) }
