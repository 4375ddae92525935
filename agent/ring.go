package agent

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/mem"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

const (
	// headRoom is more bytes than any frame has besides a small body.
	headRoom = 64 << 10
	// lookMost is the size in bytes of the largest body for which it matters that whoever waits is woken.
	lookMost = 2 << 20
	// lookShift says how fast a body is taken for granted to pass through both ends: 2^lookShift bytes in a microsecond,
	// or 2 GB/s, where to copy takes a fifth of that.
	lookShift = 11
)

// ringWriter is the writer of a ring.
type ringWriter struct {
	ring  *shm.RingWriter
	parts [][]byte // scratch
}

func (w *ringWriter) write(f *outFrame) error {
	encoded, err := f.Encode()
	if err != nil {
		return err
	}
	w.parts = w.parts[:0]
	for _, part := range encoded {
		w.parts = append(w.parts, part.ReadOnlyData())
	}
	if f.notifyLater {
		return w.ring.Append(w.parts)
	}
	return w.ring.Write(w.parts)
}

func (w *ringWriter) fits(size, _ int64) bool {
	return size <= chunkSize && w.ring.HasRoom(int(size)+headRoom)
}

func (w *ringWriter) notify() { w.ring.Notify() }

// ringFrames are the frames of one direction in a ring. The goroutine that holds readLock reads.
type ringFrames struct {
	readLock sync.Mutex
	reader   *shm.RingReader
}

// lookFor is how long to look for the answer to a body of that size, or for what comes after it, before sleeping: long
// enough for the peer to wake up, take the body in and answer. To sleep, and to be woken on a processor that went idle
// meanwhile, takes longer than a small call, and several times as long on a virtual one.
func lookFor(size int64) time.Duration {
	if size > lookMost {
		return 0
	}
	return 200*time.Microsecond + time.Duration(size)*time.Microsecond>>lookShift
}

// next waits for the next frame, which is good until the one after it, and looks for it so long before it sleeps.
func (r *ringFrames) next(f *frame.Frame, look time.Duration) error {
	record, err := r.reader.Read(look)
	return taken(f, record, err)
}

// tryNext is next that does not wait: ok is false when there is no frame.
func (r *ringFrames) tryNext(f *frame.Frame) (ok bool, err error) {
	record, ok, err := r.reader.Next()
	if !ok && err == nil {
		return false, nil
	}
	return true, taken(f, record, err)
}

func taken(f *frame.Frame, record []byte, err error) error {
	if errors.Is(err, shm.ErrBroken) {
		return fmt.Errorf("%w: %w", frame.ErrProtocol, err)
	}
	if err != nil {
		return err
	}
	return f.Decode(mem.BufferSlice{mem.SliceBuffer(record)})
}
