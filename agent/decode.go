package agent

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

// decode reads a frame that any implementation of protocol buffers may have written: fields in any order,
// twice, unknown ones. The data stays where grpc read it to; the frame holds on to that until it is freed.
func (f *frame) decode(buffers mem.BufferSlice) error {
	*f = frame{sizes: f.sizes[:0]}
	r := frameReader{buffers.Reader()}
	defer r.Close()
	for r.Remaining() > 0 {
		if err := r.field(f); err != nil {
			f.data = nil
			return fmt.Errorf("%w: frame: %w", errProtocol, err)
		}
	}
	if f.data != nil {
		buffers.Ref()
		f.held = buffers
	}
	return nil
}

type frameReader struct{ *mem.Reader }

func (r frameReader) field(f *frame) error {
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
func (f *frame) setVarint(num protowire.Number, v uint64) error {
	switch num {
	case fieldKind:
		f.kind = agentpb.Kind(int32(v))
	case fieldCall:
		f.call = v
	case fieldMethod:
		f.method = agentpb.Method(int32(v))
	case fieldTimeout:
		f.timeout = time.Duration(min(v, math.MaxInt64))
	case fieldSizes:
		f.sizes = append(f.sizes, v)
	}
	if len(f.sizes) > maxSegments {
		return fmt.Errorf("more than %d sizes", maxSegments)
	}
	return nil
}

func (r frameReader) bytesField(f *frame, num protowire.Number) (err error) {
	n, err := r.length()
	if err != nil {
		return err
	}
	switch num {
	case fieldData:
		f.data = nil // the last one counts
		if n == 0 {
			return nil
		}
		if f.data, err = r.Peek(n, nil); err != nil {
			return err
		}
		return r.skip(n)
	case fieldSizes:
		return r.sizes(f, n)
	case fieldReference:
		return r.message(f, n, &agentpb.Reference{})
	case fieldStatus:
		return r.message(f, n, &agentpb.Status{})
	case fieldActivity:
		return r.message(f, n, &agentpb.Activity{})
	case fieldPlace:
		if f.place == nil {
			f.place = &agentpb.Place{}
		}
		return r.into(f.place, n)
	default:
		return r.skip(n)
	}
}

func (r frameReader) sizes(f *frame, n int) error {
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

func (r frameReader) message(f *frame, n int, m proto.Message) error {
	if f.detail != nil && f.detail.ProtoReflect().Type() == m.ProtoReflect().Type() {
		m = f.detail // the second of its kind adds to the first
	}
	f.detail = m
	return r.into(m, n)
}

func (r frameReader) into(m proto.Message, n int) error {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, m)
}

// length reads a length, which is never more than what there is to read.
func (r frameReader) length() (int, error) {
	n, err := r.varint()
	if err != nil {
		return 0, err
	}
	if n > uint64(r.Remaining()) {
		return 0, fmt.Errorf("a field of %d bytes where %d are left", n, r.Remaining())
	}
	return int(n), nil
}

func (r frameReader) skip(n int) error {
	_, err := r.Discard(n)
	return err
}

func (r frameReader) varint() (uint64, error) {
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
