package agent_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// leafFor is a certificate for this machine, which every agent takes.
func leafFor(ca *testcerts.Authority, file string) *agent.TLS {
	f := ca.Leaf(file, testcerts.ForHost("127.0.0.1"))
	return &agent.TLS{Cert: f.Cert, Key: f.Key, CA: f.CA}
}

func dialTLS(t testing.TB, address string) (conn *tls.Conn, exporter []byte) {
	t.Helper()
	conn = tls.Client(dialTCP(t, address), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	require.NoError(t, conn.Handshake())
	state := conn.ConnectionState()
	exporter, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	require.NoError(t, err)
	return conn, exporter
}

// Under TLS a proof is for the one connection that it was made for.
func TestProof_isBoundToTheConnection(t *testing.T) {
	ca := testcerts.New(t)
	host := run(t, agent.Config{Name: "w0", TLS: leafFor(ca, "w0"), Token: theToken(), Guests: []string{"a"}})
	key := keyOf(t, secret, "a")
	conn, exporter := dialTLS(t, host.Addr().String())
	require.NoError(t, intruder{0, "a", "w0", key, exporter}.enter(t, conn))
	assert.NoError(t, askAs(t, speakOver(t, conn), &agentpb.Hello{Version: 2, Name: "a", Incarnation: 7}))

	for name, other := range map[string][]byte{"of another connection": exporter, "of none": nil, "of nothing": make([]byte, 32)} {
		conn, _ := dialTLS(t, host.Addr().String())
		assert.EqualError(t, intruder{0, "a", "w0", key, other}.enter(t, conn), "refused for 5 by w0", name)
	}
}

// A peer that stands between two workers with a certificate that both trust is noticed by both.
func TestProof_isNotRelayedUnderTLS(t *testing.T) {
	ca := testcerts.New(t)
	var said logs
	host := run(t, agent.Config{Name: "w0", TLS: leafFor(ca, "w0"), Token: theToken(), Guests: []string{"a"},
		Logger: slog.New(slog.NewTextHandler(&said, nil))})
	evil := leafFor(ca, "evil")
	pair, err := tls.LoadX509KeyPair(evil.Cert, evil.Key)
	require.NoError(t, err)
	address, heard := squat(t, func(conn net.Conn) {
		down := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}})
		up, _ := dialTLS(t, host.Addr().String())
		go func() { _, _ = io.Copy(down, up) }()
		_, _ = io.Copy(up, down)
		_ = up.CloseWrite()
	})
	_ = heard // it is all encrypted: what is refused is what counts
	for _, token := range []*agent.Token{theToken(), ownToken(t, "a")} {
		mine := agent.Config{Name: "a", TLS: &agent.TLS{CA: evil.CA}, Token: token}
		_, err = calls(t, mine, address)
		assert.ErrorContains(t, err, "wrong token: worker a and worker w0 do not have tokens of the same secret, or what listens at "+address+
			" is another, or something between them takes TLS apart")
		got, err := calls(t, mine, host.Addr().String())
		assert.NoError(t, err)
		assert.Equal(t, "a", got)
	}
	assert.Eventually(t, func() bool { return host.Stats().Handshakes == 2 }, patience, time.Millisecond)
	assert.Contains(t, said.String(), "wrong token: worker a and worker w0 do not have tokens of the same secret, or somebody stands between them")
	assert.EqualValues(t, 2, host.Stats().Served)
}

// One side has TLS, the other has not: both have tokens, and neither proves anything.
func TestProof_mixedWithTLS(t *testing.T) {
	ca := testcerts.New(t)
	files := leafFor(ca, "w0")
	overTLS := run(t, agent.Config{Name: "w0", TLS: files, Token: theToken(), Guests: []string{"a"}})
	inClear := run(t, agent.Config{Name: "w0", Token: theToken(), Guests: []string{"a"}})

	address := overTLS.Addr().String()
	_, err := calls(t, agent.Config{Name: "a", Token: theToken()}, address)
	assert.ErrorContains(t, err, "what listens at "+address+" ends a connection that is not TLS, as a worker with TLS does: give TLS to both sides")
	address = inClear.Addr().String()
	_, err = calls(t, agent.Config{Name: "a", Token: theToken(), TLS: &agent.TLS{CA: files.CA}}, address)
	assert.ErrorContains(t, err, "what listens at "+address+" does not speak TLS: give TLS to both sides, or to neither")
	assert.Zero(t, overTLS.Stats().Served+inClear.Stats().Served)
}
