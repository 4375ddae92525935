package agent

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// deaf is a stream whose answers go nowhere.
type deaf struct{ grpc.ServerStream }

func (deaf) SendMsg(any) error { return nil }

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
		shared := newSharedMemory(a, shm.NewNonce(), &agentpb.Hello{Nonce: shm.NewNonce(), Shared: 1 << 30}, deaf{})
		defer shared.close()
		in := a.newServerConn(deaf{}, Peer{Name: "w1", Rank: 1}, shared)
		in.origin = &origin{}
		for len(b) > 0 {
			n, used := binary.Uvarint(b)
			if used <= 0 || n > uint64(len(b)-used) {
				break
			}
			var fr frame.Frame
			if fr.Decode(mem.BufferSlice{mem.SliceBuffer(b[used : used+int(n)])}) != nil {
				break
			}
			err := in.fromStream(&fr)
			fr.Free()
			if err != nil {
				break
			}
			b = b[used+int(n):]
		}
		if in.ring != nil {
			_ = in.ring.drain()
		}
		in.cancel(nil)
		in.discard()
		require.NoError(t, a.activity.WaitEmpty(testContext(t)))
		in.out.idle()
		s := a.Stats()
		require.Zero(t, s.IncomingBytes)
		require.Zero(t, s.QueuedBytes)
		require.Zero(t, a.serving.Used()+in.serving.Used()+in.control.Used()+in.incoming.Used())
		require.Empty(t, in.running)
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

func (nothing) Fetch(context.Context) (Body, error) { return nil, nil }
func (nothing) Release()                            {}
