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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
)

// A handshake that is not one is refused, at once, and counted.
func TestProof_malformed(t *testing.T) {
	host := run(t, agent.Config{Name: "w0", Token: theToken(), Guests: []string{"a"}})
	good := helloOf(0, "a", "w0")
	body := good[headSize:]
	counted := uint64(0)
	for name, sent := range map[string][]byte{
		"nothing in it":                      packet(1),
		"cut short, and whole by its length": packet(1, body[:len(body)-1]),
		"more than it should be":             packet(1, body, []byte{0}),
		"longer than any":                    append([]byte(magic+"\x01\xff\xff"), body...),
		"an unknown kind":                    packet(9, body),
		"a proof first":                      packet(3, make([]byte, 32)),
		"flags that there are not":           helloOf(2, "a", "w0"),
		"no name":                            helloOf(0, "", "w0"),
		"a name that is none":                helloOf(0, "a\nb", "w0"),
		"a name that is too long":            helloOf(0, strings.Repeat("a", 129), "w0"),
		"who is called is no name":           helloOf(0, "a", "w0.example"),
		"no incarnation":                     packet(1, []byte{2, 0}, number(0), nonce(), letters("a"), letters("w0")),
		"a name longer than the rest":        packet(1, []byte{2, 0}, number(7), nonce(), []byte{100}, []byte("a")),
		"hello twice":                        append(bytes.Clone(good), good...),
		"an accept for the challenge":        append(bytes.Clone(good), packet(4)...),
		"a short proof":                      append(bytes.Clone(good), packet(3, make([]byte, 31))...),
		"no proof":                           append(bytes.Clone(good), packet(3)...),
		"HTTP/2 for the proof":               append(bytes.Clone(good), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...),
	} {
		conn := dialTCP(t, host.Addr().String())
		_, err := conn.Write(sent)
		require.NoError(t, err)
		kinds := ""
		for kind, whole, err := hear(conn); err == nil; kind, whole, err = hear(conn) {
			kinds += string('0' + rune(kind))
			if kind == 5 {
				assert.Contains(t, []string{"refused for 7 by w0", "refused for 5 by w0"}, refusalIn(whole), name)
			}
		}
		assert.NotContains(t, kinds, "4", name)
		counted++
		assert.Equal(t, counted, host.Stats().Handshakes, name)
	}
	assert.Zero(t, host.Stats().Served)
}

// A peer that falls silent in the middle is not waited for longer than Limits.Handshake says.
func TestProof_halfIsNotWaitedFor(t *testing.T) {
	host := run(t, agent.Config{Name: "w0", Token: theToken(), Limits: agent.Limits{Handshake: 50 * time.Millisecond}})
	good := helloOf(0, "a", "w0")
	for _, sent := range [][]byte{nil, good[:1], good[:8], good[:9], good[:len(good)-1], good} {
		conn := dialTCP(t, host.Addr().String())
		_, err := conn.Write(sent)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, conn)
		assert.Eventually(t, func() bool { return host.Stats().Connections == 0 }, patience, time.Millisecond)
	}
	s := host.Stats()
	assert.GreaterOrEqual(t, s.TurnedAway+s.Handshakes, uint64(6))
}

// Those who begin a handshake and stay away keep nobody out.
func TestProof_halvesKeepNobodyOut(t *testing.T) {
	host := run(t, agent.Config{Name: "w0", Token: theToken(), Guests: []string{"a"}, Limits: agent.Limits{PendingConnections: 4}})
	for range 40 {
		_, err := dialTCP(t, host.Addr().String()).Write(helloOf(0, "a", "w0"))
		require.NoError(t, err)
	}
	got, err := calls(t, agent.Config{Name: "a", Token: theToken()}, host.Addr().String())
	assert.NoError(t, err)
	assert.Equal(t, "a", got)
	assert.GreaterOrEqual(t, host.Stats().TurnedAway, uint64(36))
}

// A worker that is called and says nothing is not waited for longer than ConnectTimeout.
func TestProof_silentWorker(t *testing.T) {
	good := challengeOf("w0")
	for _, sent := range [][]byte{nil, good[:5], good} {
		address, heard := squat(t, func(conn net.Conn) { _, _ = conn.Write(sent) })
		_, err := calls(t, agent.Config{Name: "a", Token: theToken(), ConnectTimeout: 50 * time.Millisecond}, address)
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "no answer from "+address+" within 50ms")
		assert.NotContains(t, heard(), worth)
	}
}

// One side has a token and the other has none, or they cannot check each other: both are told what to do.
func TestProof_bothSidesAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		host, caller *agent.Token
		code         codes.Code
		told, logged string
	}{
		"the caller has none": {theToken(), nil, codes.Unauthenticated,
			"no token: this worker wants one (Config.Token, --token-file, GOPYRPC_TOKEN_FILE;", "no token: this worker wants one"},
		"the called has none": {nil, theToken(), codes.Unauthenticated,
			"says that it has no token, and this one has: give it one of the same secret (Config.Token, --token-file, GOPYRPC_TOKEN_FILE)",
			"worker a has a token and wants this worker to prove that it has one too: give it one of the same secret (Config.Token, --token-file, GOPYRPC_TOKEN_FILE)"},
		"each has its own": {ownToken(t, "w0"), ownToken(t, "a"), codes.Unauthenticated,
			"worker w0 has only a token of its own, and so has worker a: neither can check the other's, so one of them must have the secret",
			"worker w0 has only a token of its own, and so has worker a: neither can check the other's, so one of them must have the secret"},
		"of different secrets": {theToken(), &agent.Token{Value: otherSecret}, codes.Unauthenticated,
			"wrong token: worker a and worker w0 do not have tokens of the same secret, or what listens at ",
			"wrong token: worker a and worker w0 do not have tokens of the same secret, or somebody stands between them"},
	} {
		t.Run(name, func(t *testing.T) {
			var said logs
			host := run(t, agent.Config{Name: "w0", Token: c.host, Guests: []string{"a"}, Logger: slog.New(slog.NewTextHandler(&said, nil))})
			_, err := calls(t, agent.Config{Name: "a", Token: c.caller}, host.Addr().String())
			assert.Equal(t, c.code, status.Code(err), "%v", err)
			assert.ErrorContains(t, err, c.told)
			assert.Eventually(t, func() bool { return strings.Contains(said.String(), c.logged) }, patience, time.Millisecond, "%s", &said)
			assert.NotContains(t, said.String()+err.Error(), secret)
			assert.NotContains(t, said.String()+err.Error(), otherSecret)
			assert.Zero(t, host.Stats().Served)
		})
	}
}

// A caller that looks for another worker than the one that answers learns which one that is, and so does that one's operator.
func TestProof_wrongAddress(t *testing.T) {
	var said logs
	host := run(t, agent.Config{Name: "w9", Token: theToken(), Guests: []string{"a"}, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	_, err := calls(t, agent.Config{Name: "a", Token: theToken()}, host.Addr().String())
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "at "+host.Addr().String()+" there is worker w9, not worker w0: correct the address")
	assert.Eventually(t, func() bool {
		return strings.Contains(said.String(), "worker a looks for worker w0, and this is worker w9: correct the address that it has")
	}, patience, time.Millisecond)
}
