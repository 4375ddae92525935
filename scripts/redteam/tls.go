package main

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"net"
	"time"
)

// What stands in flags for the files of the agent's certificate.
const (
	certFile = "@cert"
	keyFile  = "@key"
	caFile   = "@ca"
)

// tlsFlags are of an agent that lets in who has a certificate of its name.
var tlsFlags = []string{"--tls-cert", certFile, "--tls-key", keyFile, "--tls-ca", caFile}

// overTLS dials with a certificate, or none, and looks at nothing of the agent's: what it lets in is the question.
func overTLS(files *certificate) dialer {
	return func(ctx context.Context, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
		if files != nil {
			pair, err := tls.LoadX509KeyPair(files.cert, files.key)
			if err != nil {
				return nil, err
			}
			config.Certificates = []tls.Certificate{pair}
		}
		_ = raw.SetDeadline(time.Now().Add(patience / 4))
		conn := tls.Client(raw, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return conn, raw.SetDeadline(time.Time{})
	}
}

// tlsAttacks come to an agent that asks for certificates.
func tlsAttacks() []attack {
	as := func(name string, make func(*site) certificate) func(*site) (string, error) {
		return func(s *site) (string, error) {
			files := make(s)
			return runs(s.ctx, s.address(0), hello(name), overTLS(&files))
		}
	}
	leaf := func(name string) func(*site) certificate {
		return func(s *site) certificate { return s.r.certs.leaf(s.r.certs.group, forName(name)) }
	}
	row := func(name, tries string, do func(*site) (string, error)) attack {
		return attack{name: "tls-" + name, tries: tries, expect: refused, canary: touched,
			host: &host{flags: tlsFlags, open: tlsFlags, attack: do, control: as("w2", leaf("w2"))}}
	}
	return []attack{
		row("clear", "a worker in clear text", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("w2"), nil) }),
		row("none", "a worker without a certificate", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("w2"), overTLS(nil)) }),
		row("other-authority", "one with a certificate of another authority", as("w2", func(s *site) certificate {
			return s.r.certs.leaf(s.r.certs.other, forName("w2"))
		})),
		row("other-name", "one with the certificate of another worker", as("w2", leaf("w3"))),
		row("guest", "a guest with the certificate of a worker", as("cli", leaf("w3"))),
		row("expired", "one with a certificate that has expired", as("w2", func(s *site) certificate {
			return s.r.certs.leaf(s.r.certs.group, expired(forName("w2")))
		})),
		row("common-name", "one whose certificate has the name in its subject, and another one as its host", as("w2", func(s *site) certificate {
			both := forName("w3")
			both.Subject = pkix.Name{CommonName: "w2"}
			return s.r.certs.leaf(s.r.certs.group, both)
		})),
		row("star", "one whose certificate is for *", as("w2", func(s *site) certificate {
			return s.r.certs.leaf(s.r.certs.group, forName("*"))
		})),
	}
}
