package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	helloKey        = "gopyrpc-hello-bin"
	protocolVersion = 2
	part            = 256 << 10 // bytes of a body in one frame
	patience        = 20 * time.Second
)

// peer speaks the wire by the generated code alone, and may say anything.
type peer struct {
	name        string
	address     string // of the agent
	rank        int32
	conn        *grpc.ClientConn
	stream      grpc.BidiStreamingClient[agentpb.Frame, agentpb.Frame]
	cancel      context.CancelFunc
	last, made  uint64
	incarnation uint64 // of the agent that is called
}

// requests numbers the requests of all peers of this process: an agent takes only numbers that grow from a worker that comes
// again in the same life.
var requests atomic.Uint64

// raw is a peer that comes to w0 under a name.
func (s *site) raw(name string) (*peer, error) {
	return dialRaw(s.ctx, s.address(0), &agentpb.Hello{Version: protocolVersion, Name: name, Incarnation: 7}, nil)
}

// dialRaw opens a stream. The dialer may do anything with the connection before gRPC begins.
func dialRaw(ctx context.Context, address string, hello *agentpb.Hello, dialer func(context.Context, string) (net.Conn, error)) (*peer, error) {
	if dialer == nil {
		dialer = func(ctx context.Context, a string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a)
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dialer))
	if err != nil {
		return nil, err
	}
	p := &peer{name: hello.GetName(), address: address, rank: -1, conn: conn}
	_, _ = fmt.Sscanf(p.name, "w%d", &p.rank)
	hello.MaxMessage, hello.Rank = 1<<30, p.rank
	said, err := proto.Marshal(hello)
	if err != nil {
		return nil, err
	}
	ctx, p.cancel = context.WithTimeout(metadata.AppendToOutgoingContext(ctx, helloKey, string(said)), processLimit)
	if p.stream, err = agentpb.NewAgentClient(conn).Connect(ctx); err != nil {
		p.close()
		return nil, err
	}
	header, err := p.stream.Header()
	if err != nil {
		p.close()
		return nil, err
	}
	values := header.Get(helloKey)
	if len(values) != 1 {
		_, err := p.stream.Recv() // the error says why
		p.close()
		return nil, fmt.Errorf("the agent does not say hello: %w", err)
	}
	var back agentpb.Hello
	err = proto.Unmarshal([]byte(values[0]), &back)
	p.incarnation = back.GetIncarnation()
	return p, err
}

func (p *peer) close() {
	if p == nil {
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	_ = p.conn.Close()
}

// call has the agent run a request, given by the opcodes of its value or as a whole pickle, and returns the pickled result.
func (p *peer) call(value any) (string, error) {
	return p.ask(agentpb.Method_METHOD_CALL, bodyOf(value), nil)
}

func bodyOf(value any) []byte {
	switch v := value.(type) {
	case []byte:
		return v
	case string:
		return whole(v)
	}
	return nil
}

// ask sends a request of any kind, and waits for its end. The text of a remote exception is an error.
func (p *peer) ask(method agentpb.Method, body []byte, ref *agentpb.Reference) (string, error) {
	p.last = requests.Add(1)
	first := body[:min(len(body), part)]
	f := &agentpb.Frame{Kind: agentpb.Kind_KIND_REQUEST, Call: p.last, Method: method, Timeout: uint64(patience), Data: first}
	if len(body) > 0 {
		f.Sizes = []uint64{uint64(len(body))}
	}
	if ref != nil {
		f.Detail = &agentpb.Frame_Reference{Reference: ref}
	}
	if err := p.stream.Send(f); err != nil {
		return "", p.why(err)
	}
	for rest := body[len(first):]; len(rest) > 0; {
		n := min(len(rest), part)
		if err := p.stream.Send(&agentpb.Frame{Kind: agentpb.Kind_KIND_CHUNK, Call: p.last, Data: rest[:n]}); err != nil {
			return "", p.why(err)
		}
		rest = rest[n:]
	}
	return p.answer()
}

// why returns the error with which the stream ended, which tells more than the error of a failed send.
func (p *peer) why(err error) error {
	if _, told := p.stream.Recv(); told != nil {
		return told
	}
	return err
}

// answer reads frames up to the end of the last call.
func (p *peer) answer() (string, error) {
	var got bytes.Buffer
	left := uint64(0)
	for begun := false; !begun || left > 0; {
		f, err := p.stream.Recv()
		if err != nil {
			return "", err
		}
		if f.GetCall() != p.last {
			continue // the frame is about another call, or about no call
		}
		switch f.GetKind() {
		case agentpb.Kind_KIND_FAILURE:
			return "", errors.New(f.GetStatus().GetMessage())
		case agentpb.Kind_KIND_REPLY:
			begun = true
			for _, n := range f.GetSizes() {
				left += n
			}
		}
		got.Write(f.GetData())
		left -= min(left, uint64(len(f.GetData())))
	}
	reply := got.String()
	if at := strings.Index(reply, "_remote_exception"); at >= 0 {
		return "", errors.New("an exception: " + readable(reply[at:]))
	}
	return reply, nil
}

// readable are the parts of a pickled record that a person can read. The name that was refused is among them.
func readable(text string) string {
	var words []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		if len(w) > 8 {
			words = append(words, strings.TrimRight(w, "u"))
		}
	}
	return strings.Join(words, " ")
}
