package security

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// TestClientCredentials_ownCertificateExpired: a certificate that expires while the agent runs is the called side's to
// refuse, and the caller is told so.
func TestClientCredentials_ownCertificateExpired(t *testing.T) {
	ca := testcerts.New(t)
	of := func(name string, c x509.Certificate) *Security {
		files := ca.Leaf(name, c)
		s, err := New(Config{Name: name, TLS: &TLS{Cert: files.Cert, Key: files.Key, CA: files.CA}, Logger: slog.New(slog.DiscardHandler),
			Exposure: Exposure{Listener: &net.UnixAddr{}}})
		require.NoError(t, err)
		return s
	}
	called, late := of("w0", testcerts.ForName("w0")), of("w1", testcerts.ForName("w1"))
	old := ca.Leaf("old", testcerts.Expired(testcerts.ForName("w1")))
	cert, err := tls.LoadX509KeyPair(old.Cert, old.Key)
	require.NoError(t, err)
	late.keys.have.cert = &cert

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // a test's
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, _, _ = called.ServerCredentials().ServerHandshake(conn) // fails: that is the test
			_ = conn.Close()
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer raw.Close() //nolint:errcheck // a test's
	require.NoError(t, raw.SetDeadline(time.Now().Add(time.Minute)))
	creds, err := late.ClientCredentials("w0", l.Addr().String())
	require.NoError(t, err)
	conn, _, err := creds.ClientHandshake(context.Background(), l.Addr().String(), raw)
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	assert.ErrorContains(t, creds.Why(err), "does not accept the certificate of this one, "+late.config.TLS.Cert+" (tls: expired certificate)")
}
