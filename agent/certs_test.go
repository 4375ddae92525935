package agent

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

// authority signs the certificates of a test.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t testing.TB) *authority {
	ca := &authority{t: t, dir: t.TempDir()}
	ca.cert = &x509.Certificate{Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca.key = ca.write("ca", ca.cert)
	return ca
}

// write signs a certificate and writes it, and its key, to NAME.pem and NAME.key.
func (ca *authority) write(name string, c *x509.Certificate) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(ca.t, err)
	ca.next++
	c.SerialNumber = big.NewInt(ca.next)
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := ca.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, &key.PublicKey, signer)
	require.NoError(ca.t, err)
	if signer == key {
		ca.cert, err = x509.ParseCertificate(der)
		require.NoError(ca.t, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(ca.t, err)
	ca.file(name+".pem", "CERTIFICATE", der)
	ca.file(name+".key", "PRIVATE KEY", private)
	return key
}

func (ca *authority) file(name, kind string, der []byte) {
	path := filepath.Join(ca.dir, name)
	require.NoError(ca.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	// Whatever the clock's resolution, a rewritten file has another time.
	require.NoError(ca.t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(ca.next)*time.Second)))
}

// leaf makes the files of a worker's certificate.
func (ca *authority) leaf(file string, c x509.Certificate) *TLS {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	ca.write(file, &c)
	at := func(name string) string { return filepath.Join(ca.dir, name) }
	return &TLS{Cert: at(file + ".pem"), Key: at(file + ".key"), CA: at("ca.pem")}
}

func forName(name string) x509.Certificate { return x509.Certificate{DNSNames: []string{name}} }

func forURI(uri string) x509.Certificate {
	u, err := url.Parse(uri)
	if err != nil {
		panic(err)
	}
	return x509.Certificate{URIs: []*url.URL{u}}
}

func forCommonName(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}}
}

func forHost(ip string) x509.Certificate {
	return x509.Certificate{IPAddresses: []net.IP{net.ParseIP(ip)}}
}
