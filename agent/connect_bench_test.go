package agent_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// BenchmarkConnect is what it takes until a worker has a session with another in the same process: the connection, who
// the other is, and the stream.
func BenchmarkConnect(b *testing.B) {
	ca := testcerts.New(b)
	leaf := func(file string, c x509.Certificate) *agent.TLS {
		files := ca.Leaf(file, c)
		return &agent.TLS{Cert: files.Cert, Key: files.Key, CA: files.CA}
	}
	files := leaf("both", testcerts.ForHost("127.0.0.1"))
	mine := &agent.Token{Value: "correct horse battery staple"}
	for name, c := range map[string]agent.Config{
		"clear":       {},
		"clear/token": {Token: mine},
		"tls/certs":   {TLS: leaf("w1", testcerts.ForName("w1"))},
		"tls/token":   {TLS: files, Token: mine},
	} {
		b.Run(name, func(b *testing.B) {
			first, second := c, c
			first.Name, second.Name = "w0", "w1"
			if name == "tls/certs" {
				first.TLS = leaf("w0", testcerts.ForName("w0"))
			}
			agents := start(b, first, second)
			for b.Loop() {
				require.NoError(b, agents[0].Connect("w1"))
			}
		})
	}
}
