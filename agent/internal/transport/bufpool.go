package transport

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/internal/hugepages"
)

// buffer is the memory of a large body that was received. The user of the body may free it, which
// saves the garbage collector a run and the kernel the pages.
type buffer struct {
	bytes []byte
	given atomic.Bool
}

// buffers has what was given back, by the power of two that it has room for.
var buffers [64]sync.Pool

// newBuffer has n bytes of room, whose contents are left over from others: all of it has to be written.
func newBuffer(n int64) *buffer {
	class := bits.Len64(uint64(n - 1))
	if b, ok := buffers[class].Get().(*buffer); ok {
		return &buffer{bytes: b.bytes[:n]}
	}
	b := &buffer{bytes: make([]byte, n, int64(1)<<class)}
	hugepages.Advise(b.bytes)
	return b
}

func (b *buffer) Free() {
	if b.given.CompareAndSwap(false, true) {
		buffers[bits.Len64(uint64(cap(b.bytes)-1))].Put(b)
	}
}
