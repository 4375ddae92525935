package agent_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// cannotCall says how a call to an address fails. The first failure must be final: StartTimeout is a
// minute of waiting for a worker that may be starting.
func cannotCall(t *testing.T, files *agent.TLS, address string) string {
	t.Helper()
	a := startOne(t, agent.Config{Name: "w1", Rank: 1, TLS: files, StartTimeout: patience, Peers: []agent.Worker{{"w0", 0, address}}})
	_, err := a.Call(testContext(t), "w0", agent.Request{})
	require.ErrorIs(t, err, security.ErrUntrusted)

	m := agent.Config{Name: "w1", Rank: 1, TLS: files, Rendezvous: &agent.Rendezvous{Address: address, WorldSize: 2, Name: "w0"}}
	m.Executor, m.Logger = echo, slog.New(slog.DiscardHandler)
	meeting, err := agent.New(m)
	require.NoError(t, err)
	failed := meeting.Serve()
	require.ErrorIs(t, failed, security.ErrUntrusted, "who looks for its group learns it too")
	_, _ = meeting.Shutdown(testContext(t))
	return failed.Error()
}

func TestTLS_strangersFail(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	a := start(t, agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0"))})[0]
	good := ca.leaf("w1", testcerts.ForName("w1"))
	foreign := other.leaf("w1", testcerts.ForName("w1"))

	text := cannotCall(t, &agent.TLS{good.Cert, good.Key, foreign.CA}, a.Addr().String())
	assert.Contains(t, text, "the certificate at "+a.Addr().String()+" does not come from a root of "+foreign.CA)
	assert.Contains(t, text, "give the CA that signed it")

	// What the server says of a client's certificate is not lost, however the writing and the reading fall.
	for range 20 {
		text = cannotCall(t, &agent.TLS{foreign.Cert, foreign.Key, good.CA}, a.Addr().String())
		require.Contains(t, text, "does not accept the certificate of this one, "+foreign.Cert+" (tls: unknown certificate authority)")
	}

	var said logs
	a = start(t, agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0")), Logger: said.logger()})[0]
	cannotCall(t, &agent.TLS{foreign.Cert, foreign.Key, good.CA}, a.Addr().String())
	assert.Eventually(t, func() bool { // its operator can tell too
		return strings.Contains(said.String(), "a connection failed in the TLS handshake") &&
			strings.Contains(said.String(), "x509: certificate signed by unknown authority")
	}, patience, pollInterval)
}

func TestTLS_withoutACertificate(t *testing.T) {
	ca := newAuthority(t)
	a := start(t, agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0"))})[0]
	pool := x509.NewCertPool()
	pool.AddCert(ca.Cert())
	conn, err := tls.Dial("tcp", a.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "w0", NextProtos: []string{"h2"}})
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorContains(t, err, "certificate required", "a client without a certificate")
	_ = conn.Close()
}

// listenWith is what a worker's listener is to TLS, with a certificate that no agent would take.
func listenWith(t *testing.T, files *agent.TLS) string {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	require.NoError(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			_ = conn.(*tls.Conn).Handshake() // fails: that is the test
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestTLS_expired(t *testing.T) {
	ca := newAuthority(t)
	old := ca.leaf("old", testcerts.Expired(testcerts.ForName("w0")))
	good := ca.leaf("w1", testcerts.ForName("w1"))
	_, err := agent.New(agent.Config{Name: "w0", Executor: echo, TLS: old})
	assert.ErrorContains(t, err, old.Cert+" expired at ")
	assert.ErrorContains(t, err, "renew it, or set this machine's clock")

	text := cannotCall(t, good, listenWith(t, old))
	assert.Contains(t, text, "cannot be used (x509: certificate has expired or is not yet valid")
	assert.Contains(t, text, "that worker needs a new one")
}

// Files that cannot be used do not take the place of those that can, though nobody has connected yet.
func TestTLS_expiredReplacement(t *testing.T) {
	ca := newAuthority(t)
	agents := start(t, agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0"))}, agent.Config{Name: "w1", TLS: ca.leaf("w1", testcerts.ForName("w1"))})
	ca.leaf("w0", testcerts.Expired(testcerts.ForName("w0")))
	_, err := agents[1].Call(testContext(t), "w0", agent.Request{})
	assert.NoError(t, err)
}

func TestTLS_wrongName(t *testing.T) {
	ca := newAuthority(t)
	good := ca.leaf("w1", testcerts.ForName("w1"))
	text := cannotCall(t, good, listenWith(t, ca.leaf("x", testcerts.ForName("elsewhere"))))
	assert.Contains(t, text, "is for elsewhere, not for worker w0: correct the address, or give that worker a certificate of its name")
}

// A worker that knows only the coordinator's address asks for a certificate of that host.
func TestTLS_coordinatorByAddress(t *testing.T) {
	ca := newAuthority(t)
	a, err := agent.New(agent.Config{Name: "w1", Executor: echo, TLS: ca.leaf("w1", testcerts.ForName("w1")), Logger: slog.New(slog.DiscardHandler),
		Rendezvous: &agent.Rendezvous{Address: listenWith(t, ca.leaf("w0", testcerts.ForName("w0"))), WorldSize: 2}})
	require.NoError(t, err)
	assert.ErrorContains(t, a.Serve(), "is for w0, and not for that host: who knows a coordinator by address alone")
	_, _ = a.Shutdown(testContext(t))
}

func TestTLS_peerWithoutTLS(t *testing.T) {
	ca := newAuthority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a := start(t, agent.Config{Name: "w0", Listener: l})[0]
	text := cannotCall(t, ca.leaf("w1", testcerts.ForName("w1")), a.Addr().String())
	assert.Contains(t, text, "does not speak TLS: give TLS to both sides, or to neither")
}

// TestTLS_onlyThePeerHasIt: a worker without TLS that calls one with TLS is told which of both is missing.
func TestTLS_onlyThePeerHasIt(t *testing.T) {
	ca := newAuthority(t)
	a := start(t, agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0"))})[0]
	address := a.Addr().String()
	b := startOne(t, agent.Config{Name: "w1", Rank: 1, StartTimeout: time.Millisecond, Peers: []agent.Worker{{"w0", 0, address}}})
	_, err := b.Call(testContext(t), "w0", agent.Request{})
	assert.ErrorContains(t, err, "what listens at "+address+" ends a connection that is not TLS, as a worker with TLS does: give TLS to both sides")
}
