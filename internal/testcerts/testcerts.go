// Package testcerts makes certificates for tests, as files, since files are what workers are given.
package testcerts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authority signs the certificates of a test.
type Authority struct {
	Cert *x509.Certificate

	t    testing.TB
	dir  string
	key  *ecdsa.PrivateKey
	last int64
}

// New makes an authority, whose certificate is its file ca.pem.
func New(t testing.TB) *Authority {
	a := &Authority{t: t, dir: t.TempDir()}
	a.Renew()
	return a
}

// Renew gives the authority another key and certificate: what it signed before comes from a stranger.
func (a *Authority) Renew() {
	a.Cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = nil
	a.key = a.write("ca", a.Cert)
}

// Files are where a worker's certificate is.
type Files struct{ Cert, Key, CA string }

// Leaf signs a worker's certificate. Its files are in place of those of the same name from before.
func (a *Authority) Leaf(name string, c x509.Certificate) Files {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	a.write(name, &c)
	return Files{Cert: a.Path(name + ".pem"), Key: a.Path(name + ".key"), CA: a.Path("ca.pem")}
}

// Path is where a file of the authority's is.
func (a *Authority) Path(file string) string { return filepath.Join(a.dir, file) }

// write signs a certificate and writes it, and its key, to NAME.pem and NAME.key.
func (a *Authority) write(name string, c *x509.Certificate) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	a.last++
	c.SerialNumber = big.NewInt(a.last)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.Cert, &key.PublicKey, signer)
	require.NoError(a.t, err)
	if signer == key {
		a.Cert, err = x509.ParseCertificate(der)
		require.NoError(a.t, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	a.file(name+".pem", "CERTIFICATE", der)
	a.file(name+".key", "PRIVATE KEY", private)
	return key
}

func (a *Authority) file(name, kind string, der []byte) {
	path := a.Path(name)
	require.NoError(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	// Whatever the clock's resolution, a rewritten file has another time.
	require.NoError(a.t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(a.last)*time.Second)))
}

// ForName is for a worker of that name.
func ForName(name string) x509.Certificate { return x509.Certificate{DNSNames: []string{name}} }

// ForURI is for a worker by way of a URI.
func ForURI(uri string) x509.Certificate {
	u, err := url.Parse(uri)
	if err != nil {
		panic(err)
	}
	return x509.Certificate{URIs: []*url.URL{u}}
}

// ForCommonName has nothing but a subject.
func ForCommonName(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}}
}

// ForHost is for an address, and so for no worker.
func ForHost(ip string) x509.Certificate {
	return x509.Certificate{IPAddresses: []net.IP{net.ParseIP(ip)}}
}

// Expired was good until an hour ago.
func Expired(c x509.Certificate) x509.Certificate {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	return c
}
