package agent_test

import (
	"crypto/x509"
	"testing"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// authority signs the certificates of a test.
type authority struct{ *testcerts.Authority }

func newAuthority(t testing.TB) authority { return authority{testcerts.New(t)} }

// leaf makes the files of a worker's certificate.
func (ca authority) leaf(file string, c x509.Certificate) *agent.TLS {
	files := ca.Leaf(file, c)
	return &agent.TLS{Cert: files.Cert, Key: files.Key, CA: files.CA}
}
