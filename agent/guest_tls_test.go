package agent_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// A guest proves who it is by its token, and needs no certificate for TLS.
func TestGuests_tokenOverTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	who := agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		p, _ := agent.PeerFrom(ctx)
		return agent.Reply{Body: agent.Bytes([]byte(p.Name + " by " + p.Identity))}, nil
	})
	token, err := agent.TokenFor(secret, "cli")
	require.NoError(t, err)
	both := start(t,
		agent.Config{Name: "w0", Executor: who, Guests: []string{"cli", "bob"}, TLS: ca.leaf("w0", testcerts.ForName("w0")), Token: &agent.Token{Value: secret}},
		agent.Config{Name: "w1", Executor: who, Guests: []string{"cli"}, TLS: ca.leaf("w1", testcerts.ForName("w1"))},
	)
	unrelated, bob := other.leaf("cli", testcerts.ForName("cli")), ca.leaf("bob", testcerts.ForName("bob"))
	call := func(name, to string, with agent.TLS, token *agent.Token) (string, error) {
		host := both[0]
		if to == "w1" {
			host = both[1]
		}
		guest := startOne(t, agent.Config{Name: name, Rank: 7, TLS: &with, Token: token, StartTimeout: 1, Peers: []agent.Worker{{to, 0, host.Addr().String()}}})
		reply, err := guest.Call(testContext(t), to, agent.Request{})
		if err != nil {
			return "", err
		}
		return string(reply.Body.Bytes()), nil
	}
	roots := bob.CA
	got, err := call("cli", "w0", agent.TLS{CA: roots}, &agent.Token{Value: token})
	assert.NoError(t, err)
	assert.Equal(t, "cli by token", got)
	_, err = call("cli", "w0", agent.TLS{CA: roots, Cert: unrelated.Cert, Key: unrelated.Key}, &agent.Token{Value: token})
	assert.ErrorContains(t, err, "does not accept the certificate of this one, "+unrelated.Cert)
	got, err = call("bob", "w0", *bob, &agent.Token{Value: secret})
	assert.NoError(t, err)
	assert.Equal(t, "bob by token", got)

	_, err = call("cli", "w0", agent.TLS{CA: unrelated.CA}, &agent.Token{Value: token})
	assert.ErrorContains(t, err, "does not come from a root of "+unrelated.CA, "who is called proves who it is all the same")
	_, err = call("bob", "w0", agent.TLS{CA: roots}, &agent.Token{Value: "another long secret"})
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
	_, err = call("cli", "w1", agent.TLS{CA: roots}, &agent.Token{Value: token})
	assert.ErrorContains(t, err, "takes no token and asks for a certificate, and this one has none")
	assert.ErrorContains(t, err, "give TLS.Cert and TLS.Key (--tls-cert, --tls-key), or that worker a token")

	// A guest that shows a certificate of another authority is refused, also where it was told that nobody there takes it.
	pair, err := tls.LoadX509KeyPair(unrelated.Cert, unrelated.Key)
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", both[0].Addr().String(), &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"h2"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	require.NoError(t, err) // TLS 1.3 tells the client later
	defer conn.Close()      //nolint:errcheck // the other side does
	for err == nil {
		_, err = conn.Read(make([]byte, 100))
	}
	assert.ErrorContains(t, err, "unknown certificate authority")
}

// An agent without a certificate cannot be called over TLS, and says so.
func TestTLS_withoutCertificateNobodyCallsIt(t *testing.T) {
	ca := newAuthority(t)
	var said logs
	guest := startOne(t, agent.Config{Name: "cli", TLS: &agent.TLS{CA: ca.leaf("x", testcerts.ForName("x")).CA}, Token: &agent.Token{Value: secret}, Logger: said.logger()})
	_, err := tls.Dial("tcp", guest.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	var alert *net.OpError
	require.ErrorAs(t, err, &alert)
	assert.Eventually(t, func() bool { return said.String() != "" }, patience, pollInterval)
	assert.Contains(t, said.String(), "this agent has no certificate: it calls others, and cannot be called")
}
