package transport

import (
	"errors"
	"io"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

const (
	// directSize is the largest body that a caller writes to the stream by itself.
	directSize = 16 << 10
	// directUnheard is how much may have been written since the peer was last heard for callers to write
	// by themselves. It is less than what grpc takes before it blocks (64 KiB), so that a peer that does
	// not read holds up the flusher and never a caller, which must be able to give up.
	directUnheard = 32 << 10
)

// Writer writes the frames of one direction, to the stream or to a ring. One goroutine at a time calls Write and Fits; any
// may call Notify.
type Writer interface {
	// Write writes a frame, which is not changed after it. An error ends the stream.
	Write(f *OutFrame) error
	// Fits says whether a message with a body of that size can be written without waiting for the peer. Unheard is how
	// many bytes were written since the peer was last heard.
	Fits(size, unheard int64) bool
	// Notify wakes the peer for what was written with OutFrame.NotifyLater.
	Notify()
}

// errOver is for a frame that comes too late. Why the stream has ended, and what came before its end, is for the
// goroutine that reads it.
var errOver = rpcerr.Errorf(codes.Unavailable, "the connection is ending")

// streamWriter is the writer of a stream of grpc.
type streamWriter struct {
	stream interface{ SendMsg(m any) error }
}

func (w streamWriter) Write(f *OutFrame) error {
	err := w.stream.SendMsg(&f.Frame)
	if errors.Is(err, io.EOF) {
		return errOver
	}
	return err
}

func (streamWriter) Fits(size, unheard int64) bool {
	return size <= directSize && unheard <= directUnheard
}

func (streamWriter) Notify() {}
