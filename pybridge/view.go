package pybridge

import (
	"runtime"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// View is the memory that a Python object exports (the buffer protocol): bytes, bytearray,
// memoryview, array.array, numpy arrays and the like, without a copy. The exporter stays alive, and
// cannot be resized, until Release.
type View struct {
	buffer   *cpython.Buffer
	released *atomic.Bool
	cleanup  runtime.Cleanup

	ReadOnly   bool   // writing through Bytes is undefined behaviour
	Contiguous bool   // in C order; otherwise Bytes is nil
	Format     string // of one item, in the notation of Python's struct module
	ItemSize   int    // bytes
	Shape      []int  // items in each dimension
	Strides    []int  // bytes between items in each dimension
}

// View exports o's memory (PyObject_GetBuffer).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: the view holds o until its Release
//   - Blocks: user code only in an exporter written in Python
func (o *Object) View(t gil.Token) (*View, error) {
	t.Assert()
	b, err := plain(t, o, cpython.GetBuffer)
	if err != nil {
		return nil, err
	}
	v := &View{
		buffer: b, released: new(atomic.Bool), ReadOnly: b.ReadOnly(), Contiguous: b.Contiguous,
		Format: b.Format(), ItemSize: b.ItemSize(), Shape: b.Shape(), Strides: b.Strides(),
	}
	released := v.released
	v.cleanup = runtime.AddCleanup(v, func(b *cpython.Buffer) { releaseView(b, released) }, b)
	return v, nil
}

// Bytes is the exporter's own memory: reading it needs no GIL, but nothing orders it with Python code
// that writes there. Nil after Release and for a view that is not contiguous; a slice taken before
// must not be used after.
//
//   - GIL: any
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (v *View) Bytes() []byte {
	if v == nil || v.buffer == nil || v.released.Load() || !v.Contiguous {
		return nil
	}
	return v.buffer.Bytes()
}

// Release gives the view up (PyBuffer_Release), queued as [Object.Release] is. Releasing again does
// nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: drops the hold on the exporter
//   - Blocks: no
func (v *View) Release() {
	if v == nil || v.buffer == nil {
		return
	}
	if releaseView(v.buffer, v.released) {
		v.cleanup.Stop()
	}
}

func releaseView(b *cpython.Buffer, released *atomic.Bool) bool {
	if !released.CompareAndSwap(false, true) {
		return false
	}
	b.Release()
	return true
}
