package transport

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

func (w *ringWriter) Write(f *OutFrame) error {
	encoded, err := f.Encode()
	if err != nil {
		return err
	}
	w.parts = w.parts[:0]
	for _, part := range encoded {
		w.parts = append(w.parts, part.ReadOnlyData())
	}
	if f.NotifyLater {
		return w.ring.Append(w.parts)
	}
	return w.ring.Write(w.parts)
}

func (w *ringWriter) Fits(size, _ int64) bool {
	return size <= chunkSize && w.ring.HasRoom(int(size)+headRoom)
}

func (w *ringWriter) Notify() { w.ring.Notify() }

// ringSide is what the sides of a conn do differently with a ring.
type ringSide interface {
	// readRing starts to read the ring that the peer writes to from now on.
	readRing(frames *ringFrames) reader
}

// ringFrames are the frames of one direction in a ring. The goroutine that holds readLock reads.
type ringFrames struct {
	readLock sync.Mutex
	frame    frame.Frame // that was read last; guarded by readLock. One for all of them saves an allocation for each
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

// next waits for the next frame, which is good until the one after it, and looks for it so long before it sleeps. The
// caller must hold readLock.
func (r *ringFrames) next(look time.Duration) (*frame.Frame, error) {
	record, err := r.reader.Read(look)
	return r.decode(record, err)
}

// tryNext is next that does not wait: without an error it returns nil when there is no frame. The caller must hold readLock.
func (r *ringFrames) tryNext() (*frame.Frame, error) {
	record, ok, err := r.reader.Next()
	if !ok && err == nil {
		return nil, nil
	}
	return r.decode(record, err)
}

func (r *ringFrames) decode(record []byte, err error) (*frame.Frame, error) {
	if errors.Is(err, shm.ErrBroken) {
		return nil, fmt.Errorf("%w: %w", frame.ErrProtocol, err)
	}
	if err != nil {
		return nil, err
	}
	r.frame = frame.Frame{}
	return &r.frame, r.frame.Decode(mem.BufferSlice{mem.SliceBuffer(record)})
}
