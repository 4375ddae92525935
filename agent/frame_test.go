package agent

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// generated is a frame in the form of the generated code, which is the judge of our own.
func generated(f *frame) *agentpb.Frame {
	out := &agentpb.Frame{
		Kind: f.kind, Call: f.call, Method: f.method, Timeout: uint64(f.timeout), Sizes: f.sizes, Data: bytes.Join(f.data, nil), Place: f.place,
	}
	switch d := f.detail.(type) {
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

var someFrames = []*frame{
	{},
	{kind: agentpb.Kind_KIND_REQUEST, call: 1, method: agentpb.Method_METHOD_CALL, timeout: time.Second, sizes: []uint64{3, 0, 2}, data: [][]byte{[]byte("abc"), []byte("de")}},
	{kind: agentpb.Kind_KIND_REPLY, call: 1 << 60, sizes: []uint64{1 << 40}, data: [][]byte{bytes.Repeat([]byte("x"), inlineSize+1)}},
	{kind: agentpb.Kind_KIND_FAILURE, call: 7, detail: &agentpb.Status{Code: 4, Message: "no", Ran: true}},
	{kind: agentpb.Kind_KIND_REQUEST, call: 9, method: agentpb.Method_METHOD_FETCH, detail: &agentpb.Reference{
		Rref: &agentpb.Id{Rank: 1, Local: 2}, Fork: &agentpb.Id{Rank: -1, Local: 1 << 50}, Incarnation: 5}},
	{kind: agentpb.Kind_KIND_REQUEST, call: 9, method: agentpb.Method_METHOD_QUIESCE, detail: &agentpb.Activity{Phase: 1, Started: 3}},
	{kind: agentpb.Kind_KIND_CHUNK, call: 2, data: [][]byte{[]byte("tail")}},
	{kind: agentpb.Kind_KIND_REPLY, call: 3, sizes: []uint64{1 << 20}, place: &agentpb.Place{Pid: 5, Fd: 6, Capacity: 1 << 20, Generation: 1 << 40}},
}

func TestFrame_encodedAsTheGeneratedCodeDoes(t *testing.T) {
	for _, f := range someFrames {
		buffers, err := f.encode()
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
			got := frame{sizes: []uint64{99}, data: [][]byte{[]byte("old")}}
			require.NoError(t, got.decode(scatter(b, cut)))
			assert.True(t, proto.Equal(generated(f), generated(&got)), "cut by %d: want %v, got %v", cut, generated(f), generated(&got))
			got.free()
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
			var f frame
			assert.ErrorIs(t, f.decode(scatter(b, cut)), errProtocol, name)
		}
	}
}

func TestFrame_tooManySizes(t *testing.T) {
	b := appendPacked(nil, fieldSizes, make([]uint64, maxSegments+1))
	var f frame
	assert.ErrorIs(t, f.decode(scatter(b, len(b))), errProtocol)
}

// Whatever comes is refused or understood as the generated code understands it, however it is cut.
func FuzzFrame(f *testing.F) {
	for _, frame := range someFrames {
		b, err := proto.Marshal(generated(frame))
		require.NoError(f, err)
		f.Add(b, 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var got, whole frame
		if err := whole.decode(scatter(b, len(b))); err != nil {
			require.Error(t, got.decode(scatter(b, cut)))
			return
		}
		require.NoError(t, got.decode(scatter(b, cut)))
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
		got.free()
	})
}

// A body arrives as it was, however it is cut into frames, and never as more than was announced.
func FuzzFrameAssembly(f *testing.F) {
	f.Add([]byte("hello"), uint64(2), uint64(3), 2)
	f.Fuzz(func(t *testing.T, b []byte, s1, s2 uint64, cut int) {
		sizes := []uint64{s1, s2}
		total, err := bodySize(sizes, 1<<20)
		if err != nil {
			return
		}
		a := newAssembly(sizes, total)
		require.NoError(t, a.add(nil))
		given := 0
		for part := range slices.Chunk(b, max(cut, 1)) {
			if err := a.add([][]byte{part}); err != nil {
				require.Greater(t, int64(given+len(part)), total)
				return
			}
			given += len(part)
		}
		require.Equal(t, int64(given) == total, a.complete())
		if a.complete() {
			require.Equal(t, b, append(append([]byte{}, a.body[0]...), a.body[1]...))
		}
	})
}

func TestCursor_takesEverythingOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var body Body
		for range rng.IntN(5) {
			seg := make([]byte, rng.IntN(10))
			for i := range seg {
				seg[i] = byte(rng.Uint32())
			}
			body = append(body, seg)
		}
		c := cursor{rest: body}
		var got []byte
		for parts := c.take(3); len(parts) > 0; parts = c.take(1 + rng.Int64N(4)) {
			got = append(got, bytes.Join(parts, nil)...)
		}
		assert.True(t, bytes.Equal(bytes.Join(body, nil), got))
	}
}
