package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificate is where the files of one are.
type certificate struct{ cert, key, ca string }

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// certificates are those of the group's authority, and of another one of the same name.
type certificates struct {
	group, other *authority
	dir          string

	mu   sync.Mutex
	last int64 // guarded by mu
}

func newCertificates(dir string) (c *certificates, err error) {
	c = &certificates{dir: dir}
	for _, a := range []**authority{&c.group, &c.other} {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "the group"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		made, files, err := c.sign(nil, template)
		if err != nil {
			return nil, err
		}
		made.file = files.cert
		*a = made
	}
	return c, nil
}

// leaf makes the certificate of a worker. Without files, which it is then, nothing of the machine works: the attack that
// needs them says so.
func (c *certificates) leaf(by *authority, template x509.Certificate) certificate {
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	_, files, err := c.sign(by, &template)
	if err != nil {
		fmt.Fprintln(os.Stderr, "redteam:", err)
		return certificate{}
	}
	files.ca = by.file
	return files
}

// sign makes a certificate and its key. Who has no authority is one.
func (c *certificates) sign(by *authority, template *x509.Certificate) (made *authority, files certificate, err error) {
	c.mu.Lock()
	c.last++
	template.SerialNumber = big.NewInt(c.last)
	c.mu.Unlock()
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, files, err
	}
	if by == nil {
		by = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		return nil, files, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, files, err
	}
	stem := filepath.Join(c.dir, template.SerialNumber.String())
	files = certificate{cert: stem + ".pem", key: stem + ".key"}
	if err := os.WriteFile(files.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, files, err
	}
	if err := os.WriteFile(files.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return nil, files, err
	}
	made = &authority{key: key}
	made.cert, err = x509.ParseCertificate(der)
	return made, files, err
}

// forName is for a worker of that name.
func forName(name string) x509.Certificate { return x509.Certificate{DNSNames: []string{name}} }

// expired was good until an hour ago.
func expired(c x509.Certificate) x509.Certificate {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	return c
}
