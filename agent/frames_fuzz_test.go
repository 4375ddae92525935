package agent

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// recorded is a stream on which a peer has said something and gone. Answers go nowhere.
type recorded struct {
	*fakeStream
	said [][]byte
}

func (r *recorded) SendHeader(metadata.MD) error { return nil }
func (r *recorded) SendMsg(any) error            { return nil }

func (r *recorded) RecvMsg(m any) error {
	if len(r.said) == 0 {
		return io.EOF
	}
	b := r.said[0]
	r.said = r.said[1:]
	return m.(*frame.Frame).Decode(mem.BufferSlice{mem.SliceBuffer(b)})
}

// frames packs a sequence of frames for the fuzzer.
func frames(fs ...*agentpb.Frame) []byte {
	var out []byte
	for _, f := range fs {
		b, _ := proto.Marshal(f)
		out = binary.AppendUvarint(out, uint64(len(b)))
		out = append(out, b...)
	}
	return out
}

// Whatever a peer sends, in whatever order, the agent lives, answers within its limits, and when the stream is
// over it holds nothing for it.
func FuzzFrameSequence(f *testing.F) {
	req := func(id uint64, m agentpb.Method, sizes ...uint64) *agentpb.Frame {
		return &agentpb.Frame{Kind: agentpb.Kind_KIND_REQUEST, Call: id, Method: m, Sizes: sizes}
	}
	data := func(id uint64, s string) *agentpb.Frame {
		return &agentpb.Frame{Kind: agentpb.Kind_KIND_CHUNK, Call: id, Data: []byte(s)}
	}
	stop := func(id uint64) *agentpb.Frame { return &agentpb.Frame{Kind: agentpb.Kind_KIND_CANCEL, Call: id} }
	ref := func(f *agentpb.Frame, local uint64) *agentpb.Frame {
		f.Detail = &agentpb.Frame_Reference{Reference: &agentpb.Reference{
			Rref: &agentpb.Id{Rank: 1, Local: local}, Fork: &agentpb.Id{Rank: 1, Local: local + 1}, Incarnation: 5}}
		return f
	}
	f.Add(frames(req(1, agentpb.Method_METHOD_CALL, 4), data(1, "ab"), data(1, "cd"), stop(1)))
	f.Add(frames(req(1, agentpb.Method_METHOD_CALL, 4), stop(1), data(1, "abcd")))
	f.Add(frames(req(1, agentpb.Method_METHOD_CALL, 1<<62), req(1, agentpb.Method_METHOD_CALL)))
	f.Add(frames(ref(req(1, agentpb.Method_METHOD_REMOTE), 1), ref(req(2, agentpb.Method_METHOD_RREF_DELETE), 1)))
	f.Add(frames(ref(req(1, agentpb.Method_METHOD_RREF_FORK), 1), ref(req(2, agentpb.Method_METHOD_FETCH), 1), req(3, 77)))
	withData := req(1, agentpb.Method_METHOD_CALL)
	withData.Data = []byte("of a body that has no bytes")
	f.Add(frames(withData))
	f.Add(frames(req(1, agentpb.Method_METHOD_RREF_DELETE), data(1, ""))) // complete, and once more
	placed := req(1, agentpb.Method_METHOD_CALL, 4)
	placed.Place = &agentpb.Place{Pid: uint64(os.Getpid()), Fd: 1, Capacity: 1 << 18, Generation: 1}
	f.Add(frames(&agentpb.Frame{Kind: agentpb.Kind_KIND_OFFER, Place: placed.Place}, &agentpb.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, placed))
	kept := ref(req(1, agentpb.Method_METHOD_REMOTE, 4), 1)
	kept.Place = placed.Place
	f.Add(frames(kept))
	f.Add(frames(&agentpb.Frame{Kind: agentpb.Kind_KIND_OFFER, Place: placed.Place}, &agentpb.Frame{Kind: agentpb.Kind_KIND_ACCEPT},
		&agentpb.Frame{Kind: agentpb.Kind_KIND_INVITE}, &agentpb.Frame{Kind: agentpb.Kind_KIND_INVITE}))
	f.Add(frames(&agentpb.Frame{Kind: agentpb.Kind_KIND_RING}, &agentpb.Frame{Kind: agentpb.Kind_KIND_RING, Place: placed.Place},
		&agentpb.Frame{Kind: agentpb.Kind_KIND_READY}, &agentpb.Frame{Kind: agentpb.Kind_KIND_SWITCH}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := New(Config{Name: "w0", Executor: &keeper{}, Peers: []Worker{{"w1", 1, "127.0.0.1:1"}},
			Logger: slog.New(slog.DiscardHandler), Limits: Limits{MaxMessage: 1 << 16, ServingPerPeer: 4}})
		require.NoError(t, err)
		a.incarnation = 5
		a.config.Executor = RemoteExecutor(fuzzExecutor{})
		var said [][]byte
		for len(b) > 0 {
			n, used := binary.Uvarint(b)
			if used <= 0 || n > uint64(len(b)-used) {
				break
			}
			said, b = append(said, b[used:used+int(n)]), b[used+int(n):]
		}
		hello := &agentpb.Hello{Name: "w1", Rank: 1, Incarnation: 9, MaxMessage: 1 << 20, Nonce: shm.NewNonce(), Shared: 1 << 30}
		_ = service{agent: a}.Connect(&recorded{fakeStreamOf(t, t.Context(), hello, nil), said})
		require.NoError(t, a.activity.WaitEmpty(testContext(t)))
		s := a.Stats()
		require.Zero(t, s.IncomingBytes)
		require.Zero(t, s.QueuedBytes)
		require.Zero(t, a.transport.Serving.Used())
		_, _ = a.Shutdown(context.Background()) // with a leak, if the peer left one
	})
}

// fuzzExecutor answers with what it is asked.
type fuzzExecutor struct{}

func (fuzzExecutor) Execute(_ context.Context, r Request) (Reply, error) {
	return Reply{Body: r.Body}, nil
}

func (fuzzExecutor) ExecuteRemote(context.Context, Request) (Value, error) { return nothing{}, nil }

type nothing struct{}

func (nothing) Fetch(context.Context) (Body, error) { return Body{}, nil }
func (nothing) Release()                            {}
