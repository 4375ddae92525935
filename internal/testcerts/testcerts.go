// Package testcerts makes certificates for tests, as files, since files are what workers are given.
package testcerts

import (
	"crypto/x509"
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/certs"
)

// Authority signs the certificates of a test.
type Authority struct {
	*certs.Authority
	t testing.TB
}

// Files are where a worker's certificate is.
type Files = certs.Files

// New makes an authority, whose certificate is its file ca.pem.
func New(t testing.TB) *Authority {
	made, err := certs.New(t.TempDir())
	require.NoError(t, err)
	return &Authority{made, t}
}

// Renew gives the authority another key and certificate: what it signed before was signed by somebody else.
func (a *Authority) Renew() { require.NoError(a.t, a.Authority.Renew()) }

// Leaf signs a worker's certificate. Its files are in place of those of the same name from before.
func (a *Authority) Leaf(name string, c x509.Certificate) Files {
	files, err := a.Authority.Leaf(name, c)
	require.NoError(a.t, err)
	return files
}

// ForName is for a worker of that name.
func ForName(name string) x509.Certificate { return certs.ForName(name) }

// ForURI is for a worker by way of a URI.
func ForURI(uri string) x509.Certificate {
	u, err := url.Parse(uri)
	if err != nil {
		panic(err)
	}
	return certs.ForURI(u)
}

// ForCommonName has nothing but a subject.
func ForCommonName(name string) x509.Certificate { return certs.ForCommonName(name) }

// ForHost is for an address, and so for no worker.
func ForHost(ip string) x509.Certificate { return certs.ForHost(net.ParseIP(ip)) }

// Expired was good until an hour ago.
func Expired(c x509.Certificate) x509.Certificate { return certs.Expired(c) }
