package agent_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// hostOf is w0 with the secret, where a, b and w1 may call.
func hostOf(t testing.TB, said *logs) *agent.Agent {
	return run(t, agent.Config{Name: "w0", Token: theToken(), Guests: []string{"a", "b", "w1"}, Logger: slog.New(slog.NewTextHandler(said, nil))})
}

// A peer that follows the description gets in: with the secret, and with a token of a name. Nobody else does, whatever is sent.
func TestProof_whatAnImpostorCanSend(t *testing.T) {
	var said logs
	host := hostOf(t, &said)
	a, b, w0 := keyOf(t, secret, "a"), keyOf(t, secret, "b"), keyOf(t, secret, "w0")
	for name, try := range map[string]struct {
		who  intruder
		ends string
	}{
		"a by a's key":                       {intruder{0, "a", "w0", a, nil}, ""},
		"b by the secret":                    {intruder{1, "b", "w0", w0, nil}, ""},
		"b, who knows an address only":       {intruder{1, "b", "", w0, nil}, ""},
		"b by a's key":                       {intruder{0, "b", "w0", a, nil}, "refused for 5 by w0"},
		"a's key as the host's":              {intruder{1, "b", "w0", a, nil}, "refused for 5 by w0"},
		"b's key as the host's":              {intruder{1, "b", "w0", b, nil}, "refused for 5 by w0"},
		"the host's key as b's":              {intruder{0, "b", "w0", w0, nil}, "refused for 5 by w0"},
		"no key":                             {intruder{0, "b", "w0", make([]byte, 32), nil}, "refused for 5 by w0"},
		"another secret":                     {intruder{1, "b", "w0", keyOf(t, otherSecret, "w0"), nil}, "refused for 5 by w0"},
		"an exporter's value, in clear text": {intruder{0, "a", "w0", a, make([]byte, 32)}, "refused for 5 by w0"},
		"who looks for another":              {intruder{0, "a", "w9", a, nil}, "refused for 3 by w0"},
	} {
		conn := dialTCP(t, host.Addr().String())
		err := try.who.enter(t, conn)
		if try.ends != "" {
			assert.EqualError(t, err, try.ends, name)
			continue
		}
		require.NoError(t, err, name)
		assert.NoError(t, askAs(t, speakOver(t, conn), &agentpb.Hello{Version: 2, Name: try.who.name, Incarnation: 7}), name)
	}
	assert.Eventually(t, func() bool { return host.Stats().Handshakes == 8 }, patience, time.Millisecond)
	assert.Contains(t, said.String(), "a connection failed in the handshake of the tokens")
	assert.Equal(t, 1, strings.Count(said.String(), "level=WARN"), "the log cannot be filled: %s", said.String())
	assert.NotContains(t, said.String(), secret)
}

// A connection is for the worker that has proved itself on it, in that life, whatever it says later.
func TestProof_holdsForTheConnection(t *testing.T) {
	var said logs
	host := hostOf(t, &said)
	for _, h := range []*agentpb.Hello{{Version: 2, Name: "b", Incarnation: 7}, {Version: 2, Name: "a", Incarnation: 8}} {
		conn := dialTCP(t, host.Addr().String())
		require.NoError(t, intruder{0, "a", "w0", keyOf(t, secret, "a"), nil}.enter(t, conn))
		err := askAs(t, speakOver(t, conn), h)
		assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
		assert.ErrorContains(t, err, "the connection is worker a's by its token, not worker "+h.GetName()+"'s")
	}
}

// proving is a listener whose connections are proved to be w0's before they are anybody else's.
type proving struct {
	net.Listener
	key []byte
}

func (p proving) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_, hello, err := hear(conn)
	if err == nil {
		unsigned := challengeOf("w0")
		_, _ = conn.Write(append(bytes.Clone(unsigned), provedBy("called", p.key, hello, unsigned, nil)...))
		_, _, err = hear(conn)
	}
	if err != nil {
		_ = conn.Close()
		return conn, nil
	}
	_, err = conn.Write(packet(4))
	return conn, err
}

// answering is a worker that says that it is in another life than the one that it has proved.
type answering struct {
	agentpb.UnimplementedAgentServer
}

func (answering) Connect(stream grpc.BidiStreamingServer[agentpb.Frame, agentpb.Frame]) error {
	b, err := proto.Marshal(&agentpb.Hello{Version: 2, Name: "w0", Incarnation: 8, MaxMessage: 1 << 20})
	if err != nil {
		return err
	}
	if err := stream.SendHeader(metadata.Pairs("gopyrpc-hello-bin", string(b))); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// The answer to a stream is taken from who has proved itself on its connection, and in that life.
func TestProof_answersComeFromWhoProved(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	agentpb.RegisterAgentServer(s, answering{})
	go func() { _ = s.Serve(proving{l, keyOf(t, secret, "w0")}) }()
	t.Cleanup(s.Stop)
	_, err = calls(t, agent.Config{Name: "a", Token: theToken()}, l.Addr().String())
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.ErrorContains(t, err, "worker w0 answers in another life than the one that it has proved")
}

// F7, A: what a caller sent to whoever listened at a dead worker's address is good for nothing there later.
func TestProof_isNotReplayed(t *testing.T) {
	var said logs
	host := hostOf(t, &said)
	// The squatter passes everything on, so that the caller goes as far as it ever does.
	address, heard := squat(t, func(conn net.Conn) {
		up := dialTCP(t, host.Addr().String())
		go func() { _, _ = io.Copy(conn, up) }()
		_, _ = io.Copy(up, conn)
	})
	got, err := calls(t, agent.Config{Name: "a", Token: ownToken(t, "a")}, address)
	require.NoError(t, err, "without TLS a live relay is possible: SECURITY.md says so")
	require.Equal(t, "a", got)

	stream := heard()
	require.Contains(t, stream, "PRI * HTTP/2.0")
	_, hello, err := hear(strings.NewReader(stream))
	require.NoError(t, err)
	rest := []byte(stream[len(hello):])
	for name, replay := range map[string]func(conn net.Conn){
		"everything at once": func(conn net.Conn) { _, _ = conn.Write([]byte(stream)) },
		"at the right time": func(conn net.Conn) {
			_, _ = conn.Write(hello)
			_, _, _ = hear(conn)
			_, _ = conn.Write(rest)
		},
	} {
		conn := dialTCP(t, host.Addr().String())
		before := host.Stats()
		replay(conn)
		var last []byte
		for kind, whole, err := hear(conn); err == nil; kind, whole, err = hear(conn) {
			assert.NotEqualValues(t, 4, kind, name)
			last = whole
		}
		assert.Equal(t, "refused for 5 by w0", refusalIn(last), name)
		assert.Equal(t, before.Handshakes+1, host.Stats().Handshakes, name)
		assert.Equal(t, before.Served, host.Stats().Served, name)
	}
}

// F7, B: what a worker proved to a coordinator of which it knew the address alone is good for nothing at another worker.
func TestProof_toACoordinatorIsForNobodyElse(t *testing.T) {
	var said logs
	host := hostOf(t, &said)
	w1 := keyOf(t, secret, "w1") // the impostor is a worker with a token of its own
	stolen := make(chan [2][]byte, 1)
	address, _ := squat(t, func(conn net.Conn) {
		_, hello, err := hear(conn)
		if err != nil {
			return
		}
		unsigned := challengeOf("w1")
		_, _ = conn.Write(append(bytes.Clone(unsigned), provedBy("called", w1, hello, unsigned, nil)...))
		if kind, proof, err := hear(conn); err == nil && kind == 3 {
			select {
			case stolen <- [2][]byte{hello, proof}:
			default:
			}
		}
	})
	look := func(name string) {
		a, err := agent.New(agent.Config{Name: "b", Executor: agent.ExecutorFunc(nil), Token: theToken(), Logger: slog.New(slog.NewTextHandler(&said, nil)),
			Rendezvous: &agent.Rendezvous{Address: address, Name: name, WorldSize: 2}})
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- a.Serve() }()
		if name != "" {
			select {
			case err := <-served:
				assert.ErrorContains(t, err, "at "+address+" there is worker w1, not worker "+name+": correct the address")
				served <- nil
			case <-stolen:
				assert.Fail(t, "it has proved itself to another worker than the coordinator")
			}
		} else {
			parts := <-stolen
			conn := dialTCP(t, host.Addr().String())
			_, _ = conn.Write(parts[0])
			_, _, _ = hear(conn)
			_, _ = conn.Write(parts[1])
			_, whole, err := hear(conn)
			require.NoError(t, err)
			assert.Equal(t, "refused for 5 by w0", refusalIn(whole))
		}
		_, _ = a.Shutdown(testContext(t))
		<-served
	}
	look("")
	look("w0") // a worker that is told the coordinator's name takes no other worker for it
	assert.Empty(t, stolen, "nothing was proved to it")
}

// A caller gives who listens at a worker's address nothing of value before that has proved itself, and reads no reply.
func TestProof_squatterGetsNothing(t *testing.T) {
	w1 := keyOf(t, secret, "w1")
	prove := func(t *testing.T, conn net.Conn, name string, proof func(hello, unsigned []byte) []byte) {
		if _, hello, err := hear(conn); err == nil {
			unsigned := challengeOf(name)
			_, _ = conn.Write(append(bytes.Clone(unsigned), proof(hello, unsigned)...))
		}
	}
	for name, try := range map[string]struct {
		serve func(t *testing.T, conn net.Conn)
		says  string
	}{
		"a gRPC server": {func(_ *testing.T, conn net.Conn) {
			// The beginning of every server of HTTP/2: its settings.
			_, _ = conn.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"))
		}, "cannot prove that it has the token: it speaks something else, as gopyrpc before version 2 of the protocol does"},
		"a web server": {func(_ *testing.T, conn net.Conn) {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}, "cannot prove that it has the token"},
		"another worker's key": {func(t *testing.T, conn net.Conn) {
			prove(t, conn, "w0", func(hello, unsigned []byte) []byte { return provedBy("called", w1, hello, unsigned, nil) })
		}, "wrong token: worker a and worker w0 do not have tokens of the same secret, or what listens at "},
		"another worker's name": {func(t *testing.T, conn net.Conn) {
			prove(t, conn, "w1", func(hello, unsigned []byte) []byte { return provedBy("called", w1, hello, unsigned, nil) })
		}, "there is worker w1, not worker w0: correct the address"},
		"nothing": {func(t *testing.T, conn net.Conn) {
			prove(t, conn, "w0", func(_, _ []byte) []byte { return make([]byte, 32) })
		}, "wrong token: worker a and worker w0 do not have tokens of the same secret, or what listens at "},
		"the key of no secret": {func(t *testing.T, conn net.Conn) {
			prove(t, conn, "w0", func(hello, unsigned []byte) []byte {
				return provedBy("called", make([]byte, 32), hello, unsigned, nil)
			})
		}, "wrong token: worker a and worker w0 do not have tokens of the same secret, or what listens at "},
		"the caller's own words": {func(_ *testing.T, conn net.Conn) {
			_, hello, _ := hear(conn)
			_, _ = conn.Write(hello)
		}, "a message of kind 1 instead of 2"},
		"an accept at once": {func(_ *testing.T, conn net.Conn) {
			_, _, _ = hear(conn)
			_, _ = conn.Write(packet(4))
		}, "a message of kind 4 instead of 2"},
		"version 1 of the handshake": {func(_ *testing.T, conn net.Conn) {
			_, _, _ = hear(conn)
			_, _ = conn.Write(packet(2, []byte{1}, number(7), nonce(), letters("w0"), make([]byte, 32)))
		}, "speaks version 1 of the protocol, this worker version 2: run the same version of gopyrpc on both sides"},
		"that it is of version 1": {func(_ *testing.T, conn net.Conn) {
			_, _, _ = hear(conn)
			_, _ = conn.Write(packet(5, []byte{1, 2}, letters("w0")))
		}, "speaks version 1 of the protocol, this worker version 2: run the same version of gopyrpc on both sides"},
		"that it has no token": {func(_ *testing.T, conn net.Conn) {
			_, _, _ = hear(conn)
			_, _ = conn.Write(packet(5, []byte{2, 1}, letters("w0")))
		}, "says that it has no token, and this one has: give it one of the same secret"},
		"a refusal that is none": {func(_ *testing.T, conn net.Conn) {
			_, _, _ = hear(conn)
			_, _ = conn.Write(packet(5, []byte{2, 99}, letters("w0")))
		}, "a refusal of 5 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			address, heard := squat(t, func(conn net.Conn) { try.serve(t, conn) })
			for _, token := range []*agent.Token{theToken(), ownToken(t, "a")} {
				_, err := calls(t, agent.Config{Name: "a", Token: token}, address)
				require.ErrorContains(t, err, try.says)
			}
			assert.NotContains(t, heard(), worth)
			assert.NotContains(t, heard(), "HTTP/2.0", "nothing of what comes after the handshake")
			assert.NotContains(t, heard(), magic+"\x03", "no proof")
			assert.NotContains(t, heard(), secret)
		})
	}
}

// A peer that must prove something can ask others for a proof, also the one that asks it: what they prove, they prove for themselves.
func TestProof_isNotReflected(t *testing.T) {
	var said logs
	host := hostOf(t, &said) // it has the secret, and could prove anything
	for _, to := range []string{"w0", "a", ""} {
		for _, renamed := range []bool{false, true} {
			for _, token := range []*agent.Token{theToken(), ownToken(t, "a")} {
				var self string // where the caller listens
				address, heard := squat(t, func(conn net.Conn) {
					_, hello, err := hear(conn)
					if err != nil {
						return
					}
					up := dialTCP(t, self)
					_, _ = up.Write(packet(1, hello[headSize:len(hello)-3], letters(to)))
					kind, answer, err := hear(up)
					if err != nil {
						return
					}
					if renamed && kind == 2 {
						answer = packet(2, answer[headSize:headSize+41], letters("w0"), answer[len(answer)-32:])
					}
					_, _ = conn.Write(answer)
				})
				a, err := agent.New(agent.Config{Name: "a", Token: token, Rank: 1, StartTimeout: 1, Executor: agent.ExecutorFunc(nil),
					Peers: []agent.Worker{{Name: "w0", Address: address}}, Logger: slog.New(slog.DiscardHandler)})
				require.NoError(t, err)
				self = a.Addr().String()
				served := make(chan error, 1)
				go func() { served <- a.Serve() }()
				_, err = a.Call(testContext(t), "w0", agent.Request{Body: agent.Bytes([]byte(worth))})
				if to == "w0" {
					assert.ErrorContains(t, err, "correct the address")
				} else if renamed {
					assert.ErrorContains(t, err, "wrong token")
				} else {
					assert.ErrorContains(t, err, "there is worker a, not worker w0")
				}
				assert.NotContains(t, heard(), magic+"\x03", "no proof")
				_, _ = a.Shutdown(testContext(t))
				assert.NoError(t, <-served)
			}
		}
	}
	// The caller's proof is not the called side's: sent back, it opens nothing.
	hello := helloOf(1, "b", "w0")
	conn := dialTCP(t, host.Addr().String())
	_, _ = conn.Write(hello)
	_, whole, err := hear(conn)
	require.NoError(t, err)
	_, _ = conn.Write(packet(3, whole[len(whole)-32:]))
	_, whole, err = hear(conn)
	require.NoError(t, err)
	assert.Equal(t, "refused for 5 by w0", refusalIn(whole))
}

// A peer that leaves the handshake out gets nowhere, whatever version it says it is of.
func TestProof_cannotBeLeftOut(t *testing.T) {
	var said logs
	host := hostOf(t, &said)
	for _, version := range []uint32{1, 2} {
		cc, err := grpc.NewClient(host.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		defer cc.Close() //nolint:errcheck // a test's
		err = askAs(t, cc, &agentpb.Hello{Version: version, Name: "a", Incarnation: 1})
		assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
		assert.ErrorContains(t, err, "no token: this worker wants one (Config.Token, --token-file, GOPYRPC_TOKEN_FILE;")
	}
	conn := dialTCP(t, host.Addr().String())
	_, err := conn.Write(packet(1, []byte{1, 0}, number(7), nonce(), letters("a"), letters("w0")))
	require.NoError(t, err)
	_, whole, err := hear(conn)
	require.NoError(t, err)
	assert.Equal(t, "refused for 2 by w0", refusalIn(whole))
	assert.EqualValues(t, 2, whole[headSize], "and the version that it speaks")
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
	assert.Contains(t, said.String(), "no token")
	assert.Zero(t, host.Stats().Served)
}
