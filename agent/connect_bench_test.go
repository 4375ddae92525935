package agent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// BenchmarkConnect is what it takes until a worker has a session with another in the same process: the connection, who
// the other is, and the stream.
func BenchmarkConnect(b *testing.B) {
	ca := newAuthority(b)
	files := ca.leaf("both", testcerts.ForHost("127.0.0.1"))
	mine := &Token{Value: secret}
	for name, c := range map[string]Config{
		"clear":       {},
		"clear/token": {Token: mine},
		"tls/certs":   {TLS: ca.leaf("w1", testcerts.ForName("w1"))},
		"tls/token":   {TLS: files, Token: mine},
	} {
		b.Run(name, func(b *testing.B) {
			first, second := c, c
			first.Name, second.Name = "w0", "w1"
			if name == "tls/certs" {
				first.TLS = ca.leaf("w0", testcerts.ForName("w0"))
			}
			agents := start(b, first, second)
			l := agents[0].links.byName["w1"]
			for b.Loop() {
				s, err := agents[0].dial(l)
				require.NoError(b, err)
				s.end(errOver)
			}
		})
	}
}
