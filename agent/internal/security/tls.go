package security

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// TLS names files in PEM. They are read again when they change; new connections then use the new ones. It is agent.TLS,
// which has the documentation of the fields.
type TLS struct {
	Cert, Key string
	CA        string
}

func (t *TLS) check() error {
	if (t.Cert == "") != (t.Key == "") {
		return rpcerr.Configf("TLS.Cert", "it and TLS.Key go together")
	}
	_, err := t.load()
	return err
}

// shows says whether there is a certificate to show.
func (t *TLS) shows() bool { return t.Cert != "" }

// material is what was in the files.
type material struct {
	cert *tls.Certificate // nil where there is none to show
	pool *x509.CertPool   // nil: the system's
}

func (t *TLS) load() (*material, error) {
	m := &material{}
	if t.shows() {
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, rpcerr.Configf("TLS.Cert", "%w", err)
		}
		if now := time.Now(); now.After(cert.Leaf.NotAfter) { // one that is not valid yet will be
			return nil, rpcerr.Configf("TLS.Cert", "%s expired at %v, and it is %v: renew it, or set this machine's clock",
				t.Cert, cert.Leaf.NotAfter.UTC(), now.UTC().Truncate(time.Second))
		}
		m.cert = &cert
	}
	if t.CA == "" {
		return m, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, rpcerr.Configf("TLS.CA", "%w", err)
	}
	m.pool = x509.NewCertPool()
	if !m.pool.AppendCertsFromPEM(pem) {
		return nil, rpcerr.Configf("TLS.CA", "%s has no certificate in PEM", t.CA)
	}
	return m, nil
}

// stamp tells one state of the files from another.
func (t *TLS) stamp() (stamp [3]fileStamp) {
	for i, name := range []string{t.Cert, t.Key, t.CA} {
		if info, err := os.Stat(name); err == nil {
			stamp[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return stamp
}

type fileStamp struct {
	modified time.Time
	size     int64
}

// keyring keeps what was in the files, and looks whether they changed when a connection is made.
type keyring struct {
	files  TLS
	mutual bool // every peer must show a certificate
	log    *slog.Logger

	mu    sync.Mutex
	have  *material
	stamp [3]fileStamp
}

// current returns what is in the files, or the last that could be used.
func (k *keyring) current() (*material, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	stamp := k.files.stamp()
	if k.have != nil && stamp == k.stamp {
		return k.have, nil
	}
	m, err := k.files.load()
	if err != nil {
		if k.have == nil {
			return nil, err
		}
		k.log.Warn("agent: the TLS files changed and cannot be used; the old ones stay", "err", err)
		k.stamp = stamp
		return k.have, nil
	}
	k.have, k.stamp = m, stamp
	return m, nil
}

// server is the configuration for connections that come in.
func (k *keyring) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m, err := k.current()
			if err != nil {
				return nil, err
			}
			if m.cert == nil {
				return nil, errors.New("agent: TLS: this agent has no certificate: it calls others, and cannot be called")
			}
			cfg := &tls.Config{
				MinVersion:   tls.VersionTLS13,
				NextProtos:   []string{"h2"},
				Certificates: []tls.Certificate{*m.cert},
				ClientCAs:    m.pool,
			}
			switch {
			case k.mutual:
				cfg.ClientAuth = tls.RequireAndVerifyClientCert
			case m.pool != nil: // the token proves who it is; a certificate that is shown must be good all the same
				cfg.ClientAuth = tls.VerifyClientCertIfGiven
			}
			return cfg, nil
		},
	}
}

// client is the configuration for a connection to a worker. An unknown name stands for a coordinator that was
// only given by address.
func (k *keyring) client(name, address string) (*tls.Config, error) {
	m, err := k.current()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		// The standard check knows host names only. VerifyConnection does it whole, with the worker's.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := verifyChain(state, m.pool); err != nil {
				return err
			}
			leaf := state.PeerCertificates[0]
			if name != "" && certifies(leaf, name) {
				return nil
			}
			if (name == "" || !k.mutual) && leaf.VerifyHostname(host) == nil {
				return nil
			}
			return &misnamedError{address, name, certNames(leaf)}
		},
	}
	if m.cert != nil {
		cfg.Certificates = []tls.Certificate{*m.cert}
	}
	return cfg, nil
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return fmt.Errorf("the peer has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// certifies says whether the certificate is for a worker of that name.
func certifies(cert *x509.Certificate, name string) bool {
	return slices.Contains(certNames(cert), name)
}

// certNames are the workers that a certificate is for. The common name counts only where there is nothing better.
func certNames(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, u := range cert.URIs {
		switch {
		case u.Scheme != "spiffe" && u.Scheme != "gopyrpc":
		case u.Opaque != "":
			names = append(names, u.Opaque)
		case strings.Trim(u.Path, "/") == "":
			names = append(names, u.Host)
		default:
			path := strings.TrimSuffix(u.Path, "/")
			names = append(names, path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	if len(names) == 0 && cert.Subject.CommonName != "" {
		names = append(names, cert.Subject.CommonName)
	}
	return names
}
