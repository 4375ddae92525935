package frame_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// generated is a frame in the form of the generated code, which is the judge of our own.
func generated(f *frame.Frame) *agentpb.Frame {
	out := &agentpb.Frame{
		Kind: f.Kind, Call: f.Call, Method: f.Method, Timeout: uint64(f.Timeout), Sizes: f.Sizes, Data: bytes.Join(f.Data, nil), Place: f.Region,
	}
	switch d := f.Detail.(type) {
	case *agentpb.Reference:
		out.Detail = &agentpb.Frame_Reference{Reference: d}
	case *agentpb.Status:
		out.Detail = &agentpb.Frame_Status{Status: d}
	case *agentpb.Activity:
		out.Detail = &agentpb.Frame_Activity{Activity: d}
	}
	return out
}

// scatter cuts bytes into buffers of the sizes given, as grpc may.
func scatter(b []byte, size int) mem.BufferSlice {
	var out mem.BufferSlice
	for part := range slices.Chunk(b, max(size, 1)) {
		out = append(out, mem.SliceBuffer(part))
	}
	return out
}

var someFrames = []*frame.Frame{
	{},
	{Kind: agentpb.Kind_KIND_REQUEST, Call: 1, Method: agentpb.Method_METHOD_CALL, Timeout: time.Second, Sizes: []uint64{3, 0, 2}, Data: [][]byte{[]byte("abc"), []byte("de")}},
	{Kind: agentpb.Kind_KIND_REPLY, Call: 1 << 60, Sizes: []uint64{1 << 40}, Data: [][]byte{bytes.Repeat([]byte("x"), frame.InlineSize+1)}},
	{Kind: agentpb.Kind_KIND_FAILURE, Call: 7, Detail: &agentpb.Status{Code: 4, Message: "no", Ran: true}},
	{Kind: agentpb.Kind_KIND_REQUEST, Call: 9, Method: agentpb.Method_METHOD_FETCH, Detail: &agentpb.Reference{
		Rref: &agentpb.Id{Rank: 1, Local: 2}, Fork: &agentpb.Id{Rank: -1, Local: 1 << 50}, Incarnation: 5}},
	{Kind: agentpb.Kind_KIND_REQUEST, Call: 9, Method: agentpb.Method_METHOD_QUIESCE, Detail: &agentpb.Activity{Phase: 1, Started: 3}},
	{Kind: agentpb.Kind_KIND_CHUNK, Call: 2, Data: [][]byte{[]byte("tail")}},
	{Kind: agentpb.Kind_KIND_REPLY, Call: 3, Sizes: []uint64{1 << 20}, Region: &agentpb.Place{Pid: 5, Fd: 6, Capacity: 1 << 20, Generation: 1 << 40}},
}

func TestFrame_encodedAsTheGeneratedCodeDoes(t *testing.T) {
	for _, f := range someFrames {
		buffers, err := f.Encode()
		require.NoError(t, err)
		var got agentpb.Frame
		require.NoError(t, proto.Unmarshal(buffers.Materialize(), &got))
		want := generated(f)
		if len(want.Data) == 0 {
			want.Data = nil
		}
		assert.True(t, proto.Equal(want, &got), "want %v, got %v", want, &got)
	}
}

func TestFrame_decodesWhatTheGeneratedCodeWrites(t *testing.T) {
	for _, f := range someFrames {
		b, err := proto.Marshal(generated(f))
		require.NoError(t, err)
		for _, cut := range []int{1, 3, 16, len(b)} {
			got := frame.Frame{Sizes: []uint64{99}, Data: [][]byte{[]byte("old")}}
			require.NoError(t, got.Decode(scatter(b, cut)))
			assert.True(t, proto.Equal(generated(f), generated(&got)), "cut by %d: want %v, got %v", cut, generated(f), generated(&got))
			got.Free()
		}
	}
}

func TestFrame_refusesWhatIsNone(t *testing.T) {
	for name, b := range map[string][]byte{
		"a cut tag":       {0x80},
		"a long number":   {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"a cut number":    {0x08, 0x80},
		"field number 0":  {0x00, 0x01},
		"a large number":  {0x80, 0xff, 0xff, 0xff, 0x30, 0x30},
		"a group":         {0x0b},
		"cut data":        protowire.AppendVarint([]byte{15<<3 | 2}, 1<<40),
		"cut sizes":       {5<<3 | 2, 1, 0x80},
		"a broken detail": {7<<3 | 2, 1, 0x80},
		"cut fixed64":     {6<<3 | 1, 1, 2},
	} {
		for _, cut := range []int{1, len(b)} {
			var f frame.Frame
			assert.ErrorIs(t, f.Decode(scatter(b, cut)), frame.ErrProtocol, name)
		}
	}
}

func TestFrame_tooManySizes(t *testing.T) {
	b, err := proto.Marshal(&agentpb.Frame{Sizes: make([]uint64, frame.MaxSegments+1)})
	require.NoError(t, err)
	var f frame.Frame
	assert.ErrorIs(t, f.Decode(scatter(b, len(b))), frame.ErrProtocol)
}

// Whatever comes is refused or understood as the generated code understands it, however it is cut.
func FuzzFrame(f *testing.F) {
	for _, seed := range someFrames {
		b, err := proto.Marshal(generated(seed))
		require.NoError(f, err)
		f.Add(b, 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var got, whole frame.Frame
		if err := whole.Decode(scatter(b, len(b))); err != nil {
			require.Error(t, got.Decode(scatter(b, cut)))
			return
		}
		require.NoError(t, got.Decode(scatter(b, cut)))
		var want agentpb.Frame
		require.NoError(t, proto.Unmarshal(b, &want))
		want.ProtoReflect().SetUnknown(nil)
		want.Timeout = min(want.Timeout, 1<<63-1)
		if len(want.Data) == 0 {
			want.Data = nil
		}
		again := generated(&got)
		if len(again.Data) == 0 {
			again.Data = nil
		}
		// Unknown fields inside the detail are kept by both sides.
		require.True(t, proto.Equal(&want, again), "want %v, got %v", &want, again)
		got.Free()
	})
}
