package agent

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

const (
	// chunkSize is how much of a body goes into one frame: small calls wait no longer than for this.
	chunkSize = 128 << 10
	// maxFrame is the largest frame that is read. Other implementations may cut differently.
	maxFrame = 1 << 20
	// inlineSize is up to where a body is copied behind the head rather than sent as a buffer of its own.
	inlineSize = 4 << 10
)

// frame is agentpb.Frame in a form whose data is neither copied when it is written nor when it is read.
type frame struct {
	kind    agentpb.Kind
	call    uint64
	method  agentpb.Method
	timeout time.Duration
	sizes   []uint64
	detail  proto.Message  // nil, or the message of the oneof
	place   *agentpb.Place // nil, or where the body is instead of in data
	data    [][]byte

	held  mem.BufferSlice // received: what data are views of
	ring  *shm.RingWriter // to be sent: where the frames after this one go
	quiet bool            // to be sent: the peer need not be woken for it
}

// free gives the received buffers back. The data is gone then.
func (f *frame) free() {
	f.held.Free()
	f.held, f.data = nil, nil
}

// Field numbers of agentpb.Frame.
const (
	fieldKind protowire.Number = iota + 1
	fieldCall
	fieldMethod
	fieldTimeout
	fieldSizes
	fieldReference
	fieldStatus
	fieldActivity
	fieldPlace
	fieldData protowire.Number = 15
)

// codec is grpc's codec for protocol buffers, which it leaves everything to but frames.
type codec struct{ encoding.CodecV2 }

func newCodec() encoding.CodecV2 { return codec{encoding.GetCodecV2(grpcproto.Name)} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return f.encode()
	}
	return c.CodecV2.Marshal(v)
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		return f.decode(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}

// encode writes the fields in order, the data last.
func (f *frame) encode() (mem.BufferSlice, error) {
	total := 0
	for _, part := range f.data {
		total += len(part)
	}
	inline := total <= inlineSize
	room := 48 + 5*len(f.sizes)
	if inline {
		room += total
	}
	b := make([]byte, 0, room)
	b = appendVarint(b, fieldKind, uint64(f.kind))
	b = appendVarint(b, fieldCall, f.call)
	b = appendVarint(b, fieldMethod, uint64(f.method))
	b = appendVarint(b, fieldTimeout, uint64(f.timeout))
	b = appendPacked(b, fieldSizes, f.sizes)
	b, err := f.appendDetail(b)
	if err == nil && f.place != nil {
		b, err = appendMessage(b, fieldPlace, f.place)
	}
	if err != nil || total == 0 {
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	b = protowire.AppendTag(b, fieldData, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(total))
	if inline {
		for _, part := range f.data {
			b = append(b, part...)
		}
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	out := make(mem.BufferSlice, 1, 1+len(f.data))
	out[0] = mem.SliceBuffer(b)
	for _, part := range f.data {
		out = append(out, mem.SliceBuffer(part))
	}
	return out, nil
}

func (f *frame) appendDetail(b []byte) ([]byte, error) {
	var num protowire.Number
	switch f.detail.(type) {
	case nil:
		return b, nil
	case *agentpb.Reference:
		num = fieldReference
	case *agentpb.Status:
		num = fieldStatus
	case *agentpb.Activity:
		num = fieldActivity
	default:
		return b, fmt.Errorf("agent: a frame cannot carry a %T", f.detail)
	}
	return appendMessage(b, num, f.detail)
}

func appendMessage(b []byte, num protowire.Number, m proto.Message) ([]byte, error) {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(proto.Size(m)))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

func appendVarint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func appendPacked(b []byte, num protowire.Number, vs []uint64) []byte {
	if len(vs) == 0 {
		return b
	}
	size := 0
	for _, v := range vs {
		size += protowire.SizeVarint(v)
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	for _, v := range vs {
		b = protowire.AppendVarint(b, v)
	}
	return b
}

// validText is what may stand in a string field: anything else would make the whole frame unreadable.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
