package handler

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/internal/hugepages"
)

// The part of a pickle that is read before there is room for the rest.
const firstRead = 64 << 10

// Unflatten reads one payload in flat form, and nothing behind it (torch's toIValues, backwards).
// Tensors that shared memory do so again; their bytes are read into torch's memory directly. What the
// form claims is checked against the limits, and against itself, before there is room made for it.
// The handler's own limit ([WithMaxPayload]) holds for the pickle too.
//
//   - GIL: acquires, if there are tensors; must not be held. Not held while r is read
//   - Thread: any
//   - Ref: the payload's tensors are new
//   - Blocks: r, then ctx; ctx does not end a read
//
// Errors: a *[wire.FormatError]; ErrTooLarge; io.EOF when r is at its end; what r fails with; a
// *pybridge.Error when torch is not there, lacks the type, or has no memory.
func (h *Handler) Unflatten(ctx context.Context, r io.Reader, limits wire.Limits) (Payload, error) {
	return h.UnflattenIf(ctx, r, limits, func([]byte) error { return nil })
}

// UnflattenIf is [Handler.Unflatten] that asks admit about the pickle before it enters Python for the tensors. The
// bytes that admit gets are the payload's own, copied from r.
//
//   - GIL: acquires, if there are tensors; must not be held. Not held while r is read, nor in admit
//   - Thread: any
//   - Ref: the payload's tensors are new
//   - Blocks: r, admit, then ctx; ctx does not end a read
//
// Errors: those of Unflatten, and admit's.
func (h *Handler) UnflattenIf(ctx context.Context, r io.Reader, limits wire.Limits, admit func(data []byte) error) (Payload, error) {
	gil.AssertNotHeld()
	if h.isNone() {
		return Payload{}, ErrNoHandler
	}
	if own := h.config.maxPayload; own > 0 && (limits.Data <= 0 || own < limits.Data) {
		limits.Data = own
	}
	c := &counter{r: r}
	head, err := wire.Read(c, limits)
	if errors.Is(err, wire.ErrLimit) {
		return Payload{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if err != nil {
		return Payload{}, err
	}
	if err := c.enough(head); err != nil {
		return Payload{}, err
	}
	p := Payload{}
	if p.Data, err = c.data(head.Data); err != nil {
		return Payload{}, err
	}
	if err := admit(p.Data); err != nil {
		return Payload{}, err
	}
	if len(head.Tensors) > 0 {
		p.Tensors, err = h.readTensors(ctx, c, head)
	}
	if err != nil {
		return Payload{}, err
	}
	return p, nil
}

// readTensors makes the tensors first, and then fills the memory that they show: a copy takes the place in the caches of
// all that the making needs, so that it takes ten times as long behind one.
func (h *Handler) readTensors(ctx context.Context, c *counter, head *wire.Head) (tensors []Tensor, err error) {
	var addresses []int64
	err = h.inside(gil.WaitForCompletion(ctx), func(t gil.Token) (err error) {
		addresses, tensors, err = h.newTensors(t, head)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unflatten: %w", err)
	}
	for i, address := range addresses {
		into := memory(address, 0, head.Storages[i])
		hugepages.Advise(into)
		if err := c.fill(into, segment(i+1, head.Storages[i])); err != nil {
			Payload{Tensors: tensors}.Release()
			return nil, err
		}
	}
	return tensors, nil
}

// newTensors gives the address of each storage, which the tensors keep: every storage belongs to one, see [wire.Read].
func (h *Handler) newTensors(t gil.Token, head *wire.Head) (addresses []int64, tensors []Tensor, err error) {
	d := describe(head)
	result, err := h.makeTensors.Call(t, d.dtypes, d.bytes())
	if err != nil {
		return nil, nil, err
	}
	defer result.Release()
	if addresses, err = numbersOf(t, result, 0); err != nil {
		return nil, nil, err
	}
	made, err := result.Item(t, 1)
	if err != nil {
		return nil, nil, err
	}
	defer made.Release()
	tensors, err = tensorsOf(t, made)
	return addresses, tensors, err
}

// counter knows how far a reader was read, for errors.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// enough asks readers that know how much they have, such as bytes.Reader.
func (c *counter) enough(head *wire.Head) error {
	known, ok := c.r.(interface{ Len() int })
	if !ok {
		return nil
	}
	left := int64(known.Len())
	end := c.n + left
	for i, size := range append([]int64{head.Data}, head.Storages...) {
		if size > left {
			return wire.Short(io.EOF, end, segment(i, size))
		}
		left -= size
	}
	return nil
}

func segment(i int, size int64) string {
	if i == 0 {
		return fmt.Sprintf("a pickle of %d bytes", size)
	}
	return fmt.Sprintf("storage %d of %d bytes", i-1, size)
}

func (c *counter) data(n int64) ([]byte, error) {
	b := make([]byte, min(n, firstRead))
	if err := c.fill(b, segment(0, n)); err != nil || n <= firstRead {
		return b, err
	}
	all := make([]byte, n)
	return all, c.fill(all[copy(all, b):], segment(0, n))
}

func (c *counter) fill(b []byte, what string) error {
	if _, err := io.ReadFull(c, b); err != nil {
		return wire.Short(err, c.n, what)
	}
	return nil
}
