package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Read reads a head and nothing behind it. Memory is taken as bytes arrive: a head that claims more
// than it has costs no more than it has.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: r
//
// Errors: a *[FormatError]; ErrLimit; what r fails with; io.EOF when there is not one byte.
func Read(r io.Reader, limits Limits) (*Head, error) {
	var fixed [prelude]byte
	n, err := io.ReadFull(r, fixed[:])
	if n == 0 && err != nil {
		return nil, err
	}
	if err != nil {
		return nil, Short(err, int64(n), "the head of 32 bytes")
	}
	p := parser{limits: limits}
	storages, tensors, tables, err := p.prelude(fixed[:])
	if err != nil {
		return nil, err
	}
	var table bytes.Buffer
	if m, err := io.CopyN(&table, r, tables); err != nil {
		return nil, Short(err, prelude+m, fmt.Sprintf("tables of %d bytes", tables))
	}
	p.rest, p.at = table.Bytes(), prelude
	if err := p.tables(storages, tensors); err != nil {
		return nil, err
	}
	return &p.head, nil
}

// Short makes a FormatError of an end that came too early, and passes other errors of a reader on with
// the place.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func Short(err error, offset int64, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Offset: offset, What: "it ends inside " + what, Err: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("reading %s of a flat payload, at byte %d: %w", what, offset, err)
}

type parser struct {
	limits Limits
	head   Head
	rest   []byte // of the tables
	at     int64  // where rest begins in the flat form
}

func malformed(at int64, format string, args ...any) error {
	return &FormatError{Offset: at, What: fmt.Sprintf(format, args...)}
}

func tooLarge(what string, n, limit int64) error {
	return fmt.Errorf("flat payload: %s: %d, allowed are %d: %w", what, n, limit, ErrLimit)
}

func (p *parser) prelude(b []byte) (storages, tensors, tables int64, err error) {
	le := binary.LittleEndian
	if string(b[:4]) != Magic {
		return 0, 0, 0, malformed(0, "%q, not the magic %q", b[:4], Magic)
	}
	if v := le.Uint16(b[4:]); v != version {
		return 0, 0, 0, malformed(4, "version %d; this program reads version %d", v, version)
	}
	if v := le.Uint16(b[6:]); v != 0 {
		return 0, 0, 0, malformed(6, "%d in place of zero", v)
	}
	data, size := le.Uint64(b[8:]), le.Uint64(b[24:])
	storages, tensors = int64(le.Uint32(b[16:])), int64(le.Uint32(b[20:]))
	if data > math.MaxInt64 {
		return 0, 0, 0, malformed(8, "a pickle of %d bytes cannot be", data)
	}
	p.head.Data = int64(data)
	if limit := p.limits.Data; limit > 0 && p.head.Data > limit {
		return 0, 0, 0, tooLarge("bytes of the pickle", p.head.Data, limit)
	}
	if limit := p.limits.Tensors; limit > 0 && tensors > limit {
		return 0, 0, 0, tooLarge("tensors", tensors, limit)
	}
	if storages > tensors {
		return 0, 0, 0, malformed(16, "%d storages for %d tensors", storages, tensors)
	}
	least := storages*storageRow + tensors*tensorRow
	if size < uint64(least) || size > uint64(least+tensors*MaxDims*dimension) {
		return 0, 0, 0, malformed(24, "tables of %d bytes for %d storages and %d tensors", size, storages, tensors)
	}
	return storages, tensors, int64(size), nil
}

// tables reads rows whose number was checked against the bytes that are there.
func (p *parser) tables(storages, tensors int64) error {
	total := int64(0)
	for i := range storages {
		at := p.at
		n, err := p.number()
		if err != nil {
			return err
		}
		sum, ok := plus(total, n)
		if !ok {
			return malformed(at, "storage %d: %d bytes, with those before it more than there can be", i, n)
		}
		total = sum
		p.head.Storages = append(p.head.Storages, n)
	}
	if limit := p.limits.Bytes; limit > 0 && total > limit {
		return tooLarge("bytes of the tensors", total, limit)
	}
	used := make([]bool, storages)
	for i := range tensors {
		at := p.at
		t, err := p.tensor(at, i)
		if err != nil {
			return err
		}
		used[t.Storage] = true
		p.head.Tensors = append(p.head.Tensors, t)
	}
	if len(p.rest) > 0 {
		return malformed(p.at, "%d bytes behind the last tensor's row", len(p.rest))
	}
	if err := unused(used); err != nil {
		return malformed(prelude, "%v", err)
	}
	return nil
}

func (p *parser) tensor(at, i int64) (t Tensor, err error) {
	row, ok := p.take(tensorRow)
	if !ok {
		return t, malformed(at, "no room for the row of tensor %d", i)
	}
	dims, storage := int(binary.LittleEndian.Uint16(row[2:])), binary.LittleEndian.Uint32(row[4:])
	offset := binary.LittleEndian.Uint64(row[8:])
	t = Tensor{DType: DType(row[0]), RequiresGrad: row[1] == requiresGrad}
	if row[1]&^requiresGrad != 0 {
		return t, malformed(at+1, "tensor %d: unknown flags %#x", i, row[1])
	}
	if int64(storage) >= int64(len(p.head.Storages)) {
		return t, malformed(at+4, "tensor %d: there is no storage %d", i, storage)
	}
	if offset > math.MaxInt64 {
		return t, malformed(at+8, "tensor %d: offset %d cannot be", i, offset)
	}
	t.Storage, t.Offset = int(storage), int64(offset)
	if dims > MaxDims || dims*dimension > len(p.rest) {
		return t, malformed(at+2, "tensor %d: no room for %d dimensions", i, dims)
	}
	both := make([]int64, 2*dims)
	for j := range both {
		if both[j], err = p.number(); err != nil {
			return t, err
		}
	}
	t.Sizes, t.Strides = both[:dims:dims], both[dims:]
	if what := t.wrong(p.head.Storages[t.Storage]); what != "" {
		return t, malformed(at, "tensor %d: %s", i, what)
	}
	return t, nil
}

func (p *parser) take(n int) ([]byte, bool) {
	if len(p.rest) < n {
		return nil, false
	}
	b := p.rest[:n]
	p.rest, p.at = p.rest[n:], p.at+int64(n)
	return b, true
}

func (p *parser) number() (int64, error) {
	at := p.at
	b, ok := p.take(8)
	if !ok {
		return 0, malformed(at, "the tables end inside a number")
	}
	v := binary.LittleEndian.Uint64(b)
	if v > math.MaxInt64 {
		return 0, malformed(at, "%d cannot be", v)
	}
	return int64(v), nil
}
