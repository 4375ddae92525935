//go:build !linux

package shm

import (
	"errors"
	"time"
)

// Sender has no implementation here.
type Sender struct{}

// NewSender says errors.ErrUnsupported.
func NewSender([]byte, int64) (*Sender, error) { return nil, errors.ErrUnsupported }

// Put reports false.
func (*Sender) Put([][]byte) (Region, bool) { return Region{}, false }

// Free does nothing.
func (*Sender) Free(Region) {}

// Close does nothing.
func (*Sender) Close() {}

// Receiver has no implementation here.
type Receiver struct{}

// NewReceiver makes one that reads nothing.
func NewReceiver([]byte, int64) *Receiver { return &Receiver{} }

// Read says errors.ErrUnsupported.
func (*Receiver) Read(Region, [][]byte) error { return errors.ErrUnsupported }

// Loan has no implementation here.
type Loan struct{ Bytes []byte }

// Lend says errors.ErrUnsupported.
func (*Receiver) Lend(Region, int64) (*Loan, error) { return nil, errors.ErrUnsupported }

// Free does nothing.
func (*Loan) Free() {}

// Free says errors.ErrUnsupported.
func (*Receiver) Free(Region) error { return errors.ErrUnsupported }

// Close does nothing.
func (*Receiver) Close() {}

// RingWriter has no implementation here.
type RingWriter struct{}

// OpenRing reports false.
func (*Sender) OpenRing(func() error) (*RingWriter, Region, bool) { return nil, Region{}, false }

// Write says errors.ErrUnsupported.
func (*RingWriter) Write([][]byte) error { return errors.ErrUnsupported }

// Append says errors.ErrUnsupported.
func (*RingWriter) Append([][]byte) error { return errors.ErrUnsupported }

// Notify does nothing.
func (*RingWriter) Notify() {}

// HasRoom is true: Write does not wait.
func (*RingWriter) HasRoom(int) bool { return true }

// RingReader has no implementation here.
type RingReader struct{}

// OpenRing says errors.ErrUnsupported.
func (*Receiver) OpenRing(Region, int) (*RingReader, error) { return nil, errors.ErrUnsupported }

// Read says errors.ErrUnsupported.
func (*RingReader) Read(time.Duration) ([]byte, error) { return nil, errors.ErrUnsupported }

// Next says errors.ErrUnsupported.
func (*RingReader) Next() ([]byte, bool, error) { return nil, false, errors.ErrUnsupported }

// Wait does not.
func (*RingReader) Wait(time.Duration) {}

// Ready is false.
func (*RingReader) Ready() bool { return false }

// Interrupt does nothing.
func (*RingReader) Interrupt() {}

// Finish does nothing.
func (*RingReader) Finish() {}
