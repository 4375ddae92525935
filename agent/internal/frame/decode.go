package frame

import (
	"fmt"
	"io"
	"math"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Decode reads a frame that any implementation of protocol buffers may have written: fields in any order, twice,
// unknown ones. The data stays in grpc's buffers, which the frame holds until Free.
func (f *Frame) Decode(buffers mem.BufferSlice) error {
	*f = Frame{Sizes: f.Sizes[:0]}
	r := reader{buffers.Reader()}
	defer r.Close()
	for r.Remaining() > 0 {
		if err := r.field(f); err != nil {
			f.Data = nil
			return fmt.Errorf("%w: frame: %w", ErrProtocol, err)
		}
	}
	if f.Data != nil {
		buffers.Ref()
		f.buffers = buffers
	}
	return nil
}

type reader struct{ *mem.Reader }

func (r reader) field(f *Frame) error {
	tag, err := r.varint()
	if err != nil {
		return err
	}
	num, typ := protowire.DecodeTag(tag)
	if num < protowire.MinValidNumber || num > protowire.MaxValidNumber {
		return fmt.Errorf("bad field number in tag %d", tag)
	}
	switch typ {
	case protowire.VarintType:
		v, err := r.varint()
		if err != nil {
			return err
		}
		return f.setVarint(num, v)
	case protowire.BytesType:
		return r.bytesField(f, num)
	case protowire.Fixed32Type:
		return r.skip(4)
	case protowire.Fixed64Type:
		return r.skip(8)
	default:
		return fmt.Errorf("field %d has wire type %d, which no frame uses", num, typ)
	}
}

// setVarint takes a number. Numbers for fields of other types are, as everywhere, unknown fields.
func (f *Frame) setVarint(num protowire.Number, v uint64) error {
	switch num {
	case fieldKind:
		f.Kind = agentpb.Kind(int32(v))
	case fieldCall:
		f.Call = v
	case fieldMethod:
		f.Method = agentpb.Method(int32(v))
	case fieldTimeout:
		f.Timeout = time.Duration(min(v, math.MaxInt64))
	case fieldSizes:
		f.Sizes = append(f.Sizes, v)
	}
	if len(f.Sizes) > MaxSegments {
		return fmt.Errorf("more than %d sizes", MaxSegments)
	}
	return nil
}

func (r reader) bytesField(f *Frame, num protowire.Number) (err error) {
	n, err := r.length()
	if err != nil {
		return err
	}
	switch num {
	case fieldData:
		f.Data = nil // the last one counts
		if n == 0 {
			return nil
		}
		if f.Data, err = r.Peek(n, nil); err != nil {
			return err
		}
		return r.skip(n)
	case fieldSizes:
		return r.sizes(f, n)
	case fieldPlace:
		if f.Region == nil {
			f.Region = &agentpb.Place{}
		}
		return r.into(f.Region, n)
	}
	if typ, ok := detailTypes[num]; ok {
		return r.message(f, n, typ.New().Interface())
	}
	return r.skip(n)
}

func (r reader) sizes(f *Frame, n int) error {
	for end := r.Remaining() - n; r.Remaining() > end; {
		v, err := r.varint()
		if err != nil {
			return err
		}
		if r.Remaining() < end {
			return io.ErrUnexpectedEOF
		}
		if err := f.setVarint(fieldSizes, v); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) message(f *Frame, n int, m proto.Message) error {
	if f.Detail != nil && f.Detail.ProtoReflect().Type() == m.ProtoReflect().Type() {
		m = f.Detail // the second of its kind adds to the first
	}
	f.Detail = m
	return r.into(m, n)
}

func (r reader) into(m proto.Message, n int) error {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, m)
}

// length reads a length, which is never more than what there is to read.
func (r reader) length() (int, error) {
	n, err := r.varint()
	if err != nil {
		return 0, err
	}
	if n > uint64(r.Remaining()) {
		return 0, fmt.Errorf("a field of %d bytes where %d are left", n, r.Remaining())
	}
	return int(n), nil
}

func (r reader) skip(n int) error {
	_, err := r.Discard(n)
	return err
}

func (r reader) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("a number of more than 64 bits")
}
