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
func (h *Handler) Flatten(ctx context.Context, p Payload) (f *Flat, err error) {
	gil.AssertNotHeld()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	if len(p.Tensors) == 0 {
		return flatPickle(p)
	}
	// Nothing of the user's runs, so there is nothing to get away from.
	err = h.inside(gil.WaitForCompletion(ctx), func(t gil.Token) error {
		f, err = h.flatten(t, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("flatten: %w", err)
	}
	return f, nil
}

// FlattenGILHeld is Flatten for who holds the GIL already.
//
// GIL: held
// Thread: the token's
// Ref: borrows p's tensors; Flat holds their memory, until its Release
// Blocks: no
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

func (h *Handler) flatten(t gil.Token, p Payload) (*Flat, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("tensors travel in little-endian order, and this machine's is another")
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

// flatPickle is a payload without tensors, for which nobody needs Python.
func flatPickle(p Payload) (*Flat, error) {
	f := &Flat{}
	return f, f.begin(&wire.Head{}, p)
}

// begin puts what comes first before the tensors' memory: the head, which knows everything but the pickle, and that.
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
