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

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Flat is a payload as bytes for a wire, in the form that package handler/wire describes. The pickle and the memory of the
// tensors are not copied: a write to them before the bytes are sent changes what arrives.
type Flat struct {
	segments [][]byte
	kept     *pybridge.Object // owns the memory of the segments, until Release; nil without tensors
}

// Flatten brings a payload into its form for a wire (torch's wireSerialize). The payload's tensors are plain CPU tensors, as
// [Handler.Serialize] returns them; any other tensor is an error that names it. Of each storage, the bytes from the first to
// the last that the tensors show travel, once.
//
//   - GIL: acquires, if there are tensors; must not be held
//   - Thread: any
//   - Ref: borrows p's tensors; Flat holds their memory, until its Release
//   - Blocks: ctx
func (h *Handler) Flatten(ctx context.Context, p Payload) (f *Flat, err error) {
	gil.AssertNotHeld()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	if len(p.Tensors) == 0 {
		return flatPickle(p)
	}
	// No code of the user runs, so the call ends soon and need not be abandoned.
	err = h.inside(gil.WaitForCompletion(ctx), func(t gil.Token) error {
		f, err = h.flatten(t, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("flatten: %w", err)
	}
	return f, nil
}

// FlattenGILHeld is Flatten for a caller that holds the GIL.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: borrows p's tensors; Flat holds their memory, until its Release
//   - Blocks: no
func (h *Handler) FlattenGILHeld(t gil.Token, p Payload) (*Flat, error) {
	t.Assert()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	if len(p.Tensors) == 0 {
		return flatPickle(p)
	}
	f, err := h.flatten(t, p)
	if err != nil {
		return nil, fmt.Errorf("flatten: %w", h.closed(err))
	}
	return f, nil
}

// Segments returns the bytes in their order. They are valid until Release, and as long as f is reachable.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: borrowed
//   - Blocks: no
func (f *Flat) Segments() [][]byte { return slices.Clone(f.segments) }

// Len returns the number of bytes.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (f *Flat) Len() int64 {
	n := int64(0)
	for _, s := range f.segments {
		n += int64(len(s))
	}
	return n
}

// WriteTo writes the bytes, with as few system calls as the connection allows (writev). It may be called several times,
// and not during or after Release.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: w
func (f *Flat) WriteTo(w io.Writer) (int64, error) {
	defer runtime.KeepAlive(f) // the garbage collector releases the memory of an unreachable Flat
	buffers := net.Buffers(f.Segments())
	return buffers.WriteTo(w)
}

// Release releases the memory of the tensors. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the Flat's
//   - Blocks: no
func (f *Flat) Release() {
	if f == nil {
		return
	}
	f.segments = nil
	f.kept.Release()
}

func (h *Handler) flatten(t gil.Token, p Payload) (*Flat, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("tensors travel in little-endian order, and this machine has big-endian order")
	}
	result, err := h.describeTensors.Call(t, p.objects())
	if err != nil {
		return nil, err
	}
	defer result.Release()
	d, err := descriptionOf(t, result)
	if err != nil {
		return nil, err
	}
	kept, err := result.Item(t, 2)
	if err != nil {
		return nil, err
	}
	f := &Flat{kept: kept.Named("memory of a flat payload")}
	head, segments, err := d.head()
	if f.segments = segments; err == nil {
		err = f.begin(head, p)
	}
	if err != nil {
		f.Release()
		return nil, err
	}
	return f, nil
}

// flatPickle makes the flat form of a payload without tensors, without Python.
func flatPickle(p Payload) (*Flat, error) {
	f := &Flat{}
	return f, f.begin(&wire.Head{}, p)
}

// begin puts the head and the pickle before the memory of the tensors. It completes the head with the pickle's size.
func (f *Flat) begin(head *wire.Head, p Payload) error {
	head.Data = int64(len(p.Data))
	first, err := head.Append(nil)
	if err != nil {
		return err
	}
	f.segments = slices.DeleteFunc(slices.Concat([][]byte{first, p.Data}, f.segments),
		func(s []byte) bool { return len(s) == 0 })
	return nil
}
