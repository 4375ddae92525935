package agent_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// What is here is the handshake as internal/handshake/doc.go describes it, written a second time, for those who attack it.

const (
	otherSecret = "wrong mule battery staple"
)

// keyOf is the key of a name, as it is in that name's token.
func keyOf(t testing.TB, secret, name string) []byte {
	t.Helper()
	token, err := agent.TokenFor(secret, name)
	require.NoError(t, err)
	key, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	require.NoError(t, err)
	return key
}

func ownToken(t testing.TB, name string) *agent.Token {
	t.Helper()
	token, err := agent.TokenFor(secret, name)
	require.NoError(t, err)
	return &agent.Token{Value: token}
}

func theToken() *agent.Token { return &agent.Token{Value: secret} }

// Every message is the magic, its kind, the length of its body in two bytes, and the body.
const (
	magic    = "\x89gopyrpc\r\n"
	headSize = len(magic) + 3
)

func packet(kind byte, body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	m := append([]byte(magic), kind)
	return append(binary.BigEndian.AppendUint16(m, uint16(len(b))), b...)
}

func letters(name string) []byte { return append([]byte{byte(len(name))}, name...) }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func nonce() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

// helloOf is a hello with the flags given.
func helloOf(flags byte, name, to string) []byte {
	return packet(1, []byte{2, flags}, number(7), nonce(), letters(name), letters(to))
}

// challengeOf is a challenge up to its proof.
func challengeOf(name string) []byte {
	b := bytes.Join([][]byte{{2}, number(7), nonce(), letters(name)}, nil)
	m := packet(2, b, make([]byte, 32))
	return m[:len(m)-32]
}

// provedBy is the proof of one side ("called", "caller").
func provedBy(side string, key, hello, challenge, exporter []byte) []byte {
	transcript := sha256.Sum256(append(bytes.Clone(hello), challenge...))
	prk, _ := hkdf.Extract(sha256.New, key, transcript[:]) // of such sizes neither fails
	k, _ := hkdf.Expand(sha256.New, prk, "gopyrpc handshake 2 "+side, 32)
	mac := hmac.New(sha256.New, k)
	mac.Write(transcript[:])
	if exporter == nil {
		mac.Write([]byte{0})
	} else {
		mac.Write(append([]byte{1}, exporter...))
	}
	return mac.Sum(nil)
}

// hear reads one message whole.
func hear(conn io.Reader) (kind byte, whole []byte, err error) {
	head := make([]byte, headSize)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[len(magic)+1:]))
	_, err = io.ReadFull(conn, body)
	return head[len(magic)], append(head, body...), err
}

// refusalIn says why, by its number, and who says so.
func refusalIn(whole []byte) string {
	body := whole[headSize:]
	return fmt.Sprintf("refused for %d by %s", body[1], body[3:])
}

// intruder is who begins a handshake.
type intruder struct {
	flags    byte
	name, to string
	key      []byte
	exporter []byte
}

// enter does a handshake; it gives the refusal that it got.
func (i intruder) enter(t testing.TB, conn net.Conn) error {
	t.Helper()
	hello := helloOf(i.flags, i.name, i.to)
	_, err := conn.Write(hello)
	require.NoError(t, err)
	kind, whole, err := hear(conn)
	switch {
	case err != nil:
		return err
	case kind == 5:
		return fmt.Errorf("%s", refusalIn(whole))
	}
	require.EqualValues(t, 2, kind)
	_, err = conn.Write(packet(3, provedBy("caller", i.key, hello, whole[:len(whole)-32], i.exporter)))
	require.NoError(t, err)
	kind, whole, err = hear(conn)
	if err == nil && kind == 5 {
		return fmt.Errorf("%s", refusalIn(whole))
	}
	if err == nil {
		require.EqualValues(t, 4, kind)
	}
	return err
}

func dialTCP(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// speakOver has gRPC go on with a connection.
func speakOver(t testing.TB, conn net.Conn) *grpc.ClientConn {
	t.Helper()
	once := make(chan net.Conn, 1)
	once <- conn
	cc, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// askAs opens a worker's stream and asks for the group, in a worker's name. It gives how the stream was refused.
func askAs(t testing.TB, cc *grpc.ClientConn, h *agentpb.Hello) error {
	t.Helper()
	b, err := proto.Marshal(h)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(testContext(t), "gopyrpc-hello-bin", string(b)))
	defer cancel()
	client := agentpb.NewAgentClient(cc)
	stream, err := client.Connect(ctx)
	require.NoError(t, err)
	header, err := stream.Header()
	if err == nil && len(header.Get("gopyrpc-hello-bin")) == 1 {
		return nil
	}
	if err == nil {
		_, err = stream.Recv()
	}
	_, joined := client.Rendezvous(ctx, &agentpb.RendezvousRequest{Member: &agentpb.Member{Name: h.GetName()}, WorldSize: 1})
	assert.Equal(t, err.Error(), joined.Error(), "the group's door is no other")
	return err
}

// run is startOne with an agent that answers with the name of the peer.
func run(t testing.TB, c agent.Config) *agent.Agent {
	t.Helper()
	if c.Executor == nil {
		c.Executor = agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
			p, _ := agent.PeerFrom(ctx)
			return agent.Reply{Body: agent.Bytes([]byte(p.Name))}, nil
		})
	}
	return startOne(t, c)
}

// calls says how a call to w0, at an address, ends.
func calls(t testing.TB, c agent.Config, address string) (string, error) {
	t.Helper()
	c.Rank, c.Peers = 7, []agent.Worker{{Name: "w0", Address: address}}
	if c.StartTimeout == 0 {
		c.StartTimeout = time.Nanosecond
	}
	reply, err := run(t, c).Call(testContext(t), "w0", agent.Request{Body: agent.Bytes([]byte(worth))})
	if err != nil {
		return "", err
	}
	return string(reply.Body.Bytes()), nil
}

// worth is in a request, and is not to be seen by who has not proved itself.
const worth = "a request of value"

// squat listens where a worker was, and does what it is told with each connection. What it gives is all that was read
// there by then.
func squat(t testing.TB, serve func(conn net.Conn)) (address string, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all logs
	var serving sync.WaitGroup
	serving.Go(func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			serving.Go(func() {
				defer conn.Close() //nolint:errcheck // an attacker's
				_ = conn.SetDeadline(time.Now().Add(patience))
				serve(overheard{conn, &all})
				_, _ = io.Copy(io.Discard, overheard{conn, &all}) // what comes after all
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
	})
	return l.Addr().String(), all.String
}

// overheard is a connection of which all that is read is noted.
type overheard struct {
	net.Conn
	all *logs
}

func (o overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	_, _ = o.all.Write(p[:n])
	return n, err
}
