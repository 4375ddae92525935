package frame

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	// MaxSize is the largest frame, in bytes, that is read. Other implementations may cut bodies differently.
	MaxSize = 1 << 20
	// MaxSegments bounds the bookkeeping of one body that a peer can make its receiver allocate.
	MaxSegments = 1 << 16
	// InlineSize is the size in bytes up to which data is copied behind the head. Larger data is a buffer of its own.
	InlineSize = 4 << 10
)

// ErrProtocol is for what no peer sends that keeps to the protocol.
var ErrProtocol = errors.New("agent: protocol violation")

// Frame is an agentpb.Frame whose data is copied neither when it is written nor when it is read.
type Frame struct {
	Kind    agentpb.Kind
	Call    uint64
	Method  agentpb.Method
	Timeout time.Duration
	Sizes   []uint64
	Detail  proto.Message  // the message of the oneof, or nil
	Region  *agentpb.Place // where the body lies in shared memory, nil for one in Data
	Data    [][]byte

	buffers mem.BufferSlice // of a frame that was read: what Data are views of
}

// Free gives the buffers of a frame that was read back to grpc. The caller must not look at Data any more.
func (f *Frame) Free() {
	f.buffers.Free()
	f.buffers, f.Data = nil, nil
}

// Field numbers of agentpb.Frame.
const (
	fieldKind protowire.Number = iota + 1
	fieldCall
	fieldMethod
	fieldTimeout
	fieldSizes
	fieldPlace protowire.Number = 9
	fieldData  protowire.Number = 15
)

// The messages of the oneof "detail", as agent.proto has them.
var (
	detailNumbers = map[protoreflect.FullName]protowire.Number{}
	detailTypes   = map[protowire.Number]protoreflect.MessageType{}
)

func init() {
	m := (&agentpb.Frame{}).ProtoReflect()
	fields := m.Descriptor().Oneofs().ByName("detail").Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		detailNumbers[field.Message().FullName()] = field.Number()
		detailTypes[field.Number()] = m.NewField(field).Message().Type()
	}
}

// codec is grpc's codec for protocol buffers with an own way for frames.
type codec struct{ encoding.CodecV2 }

// NewCodec makes the codec that grpc encodes and decodes the messages of an agent with.
func NewCodec() encoding.CodecV2 { return codec{encoding.GetCodecV2(grpcproto.Name)} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*Frame); ok {
		return f.Encode()
	}
	return c.CodecV2.Marshal(v)
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*Frame); ok {
		return f.Decode(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}

// Encode writes the fields in order, the data last.
func (f *Frame) Encode() (mem.BufferSlice, error) {
	total := 0
	for _, part := range f.Data {
		total += len(part)
	}
	inline := total <= InlineSize
	room := 48 + 5*len(f.Sizes)
	if inline {
		room += total
	}
	b := make([]byte, 0, room)
	b = appendVarint(b, fieldKind, uint64(f.Kind))
	b = appendVarint(b, fieldCall, f.Call)
	b = appendVarint(b, fieldMethod, uint64(f.Method))
	b = appendVarint(b, fieldTimeout, uint64(f.Timeout))
	b = appendPacked(b, fieldSizes, f.Sizes)
	b, err := f.appendDetail(b)
	if err == nil && f.Region != nil {
		b, err = appendMessage(b, fieldPlace, f.Region)
	}
	if err != nil || total == 0 {
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	b = protowire.AppendTag(b, fieldData, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(total))
	if inline {
		for _, part := range f.Data {
			b = append(b, part...)
		}
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	out := make(mem.BufferSlice, 1, 1+len(f.Data))
	out[0] = mem.SliceBuffer(b)
	for _, part := range f.Data {
		out = append(out, mem.SliceBuffer(part))
	}
	return out, nil
}

func (f *Frame) appendDetail(b []byte) ([]byte, error) {
	if f.Detail == nil {
		return b, nil
	}
	num, ok := detailNumbers[f.Detail.ProtoReflect().Descriptor().FullName()]
	if !ok {
		return b, fmt.Errorf("agent: a frame cannot carry a %T", f.Detail)
	}
	return appendMessage(b, num, f.Detail)
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
