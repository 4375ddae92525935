// Package certs makes certificates as files, since files are what workers are given. Tests use it by way of
// internal/testcerts, and tools that try what certificates let in use it directly.
package certs

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
	"sync"
	"time"
)

// Authority signs certificates. Its methods may be called from any goroutine.
type Authority struct {
	dir string

	mu   sync.Mutex
	cert *x509.Certificate // guarded by mu, as what follows
	key  *ecdsa.PrivateKey
	last int64 // serial number
}

// New makes an authority whose files are in a folder: its own certificate is ca.pem there.
//
// Errors: those of writing the files.
func New(dir string) (*Authority, error) {
	a := &Authority{dir: dir}
	return a, a.Renew()
}

// Renew gives the authority another key and certificate: what it signed before was signed by somebody else.
//
// Errors: those of writing the files.
func (a *Authority) Renew() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = nil
	return a.signLocked("ca", a.cert)
}

// Cert is the authority's own certificate.
func (a *Authority) Cert() *x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cert
}

// Files are where a worker's certificate is.
type Files struct{ Cert, Key, CA string }

// Leaf signs a worker's certificate. Its files are in place of those of the same name from before. One without an end
// is good for an hour.
//
// Errors: those of writing the files.
func (a *Authority) Leaf(name string, c x509.Certificate) (Files, error) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	a.mu.Lock()
	defer a.mu.Unlock()
	return Files{Cert: a.Path(name + ".pem"), Key: a.Path(name + ".key"), CA: a.Path("ca.pem")}, a.signLocked(name, &c)
}

// Path is where a file of the authority's is.
func (a *Authority) Path(file string) string { return filepath.Join(a.dir, file) }

// signLocked signs a certificate and writes it, and its key, to NAME.pem and NAME.key. An authority without a key
// signs its own.
func (a *Authority) signLocked(name string, c *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	a.last++
	c.SerialNumber = big.NewInt(a.last)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	own := a.key == nil
	if own {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	if own {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			return err
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := a.writeLocked(name+".pem", "CERTIFICATE", der); err != nil {
		return err
	}
	return a.writeLocked(name+".key", "PRIVATE KEY", private)
}

func (a *Authority) writeLocked(name, kind string, der []byte) error {
	path := a.Path(name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	// Whatever the clock's resolution, a rewritten file has another time.
	return os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(a.last)*time.Second))
}

// ForName is for a worker of that name.
func ForName(name string) x509.Certificate { return x509.Certificate{DNSNames: []string{name}} }

// ForURI is for a worker by way of a URI.
func ForURI(uri *url.URL) x509.Certificate { return x509.Certificate{URIs: []*url.URL{uri}} }

// ForCommonName has nothing but a subject.
func ForCommonName(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}}
}

// ForHost is for an address, and so for no worker.
func ForHost(ip net.IP) x509.Certificate { return x509.Certificate{IPAddresses: []net.IP{ip}} }

// Expired was good until an hour ago.
func Expired(c x509.Certificate) x509.Certificate {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	return c
}
