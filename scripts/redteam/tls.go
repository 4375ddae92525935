package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/certs"
)

// Placeholders in flags for the files of the agent's certificate.
const (
	certFile = "@cert"
	keyFile  = "@key"
	caFile   = "@ca"
)

// tlsFlags are the flags of an agent that lets in peers with a certificate of their name.
var tlsFlags = []string{"--tls-cert", certFile, "--tls-key", keyFile, "--tls-ca", caFile}

// overTLS dials with a certificate, or without, and does not check the agent's: the attack asks whom the agent lets in.
func overTLS(files *certs.Files) dialer {
	return func(ctx context.Context, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
		if files != nil {
			pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
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

// tlsAttacks are peers that come to an agent which asks for certificates.
func tlsAttacks() []attack {
	type issue func(*certificates) (certs.Files, error)
	as := func(name string, issue issue) func(*site) (string, error) {
		return func(s *site) (string, error) {
			files, err := issue(s.r.certs)
			if err != nil {
				return "", err
			}
			return runs(s.ctx, s.address(0), hello(name), overTLS(&files))
		}
	}
	of := func(template x509.Certificate) issue {
		return func(c *certificates) (certs.Files, error) { return c.leaf(c.group, template) }
	}
	ofOther := func(c *certificates) (certs.Files, error) { return c.leaf(c.other, certs.ForName("w2")) }
	byHost := certs.ForName("w3")
	byHost.Subject = pkix.Name{CommonName: "w2"}
	row := func(name, tries string, do func(*site) (string, error)) attack {
		return attack{name: "tls-" + name, tries: tries, expect: refused, canary: touched,
			host: &host{flags: tlsFlags, open: tlsFlags, attack: do, control: as("w2", of(certs.ForName("w2")))}}
	}
	return []attack{
		row("clear", "a worker in clear text", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("w2"), nil) }),
		row("none", "a worker without a certificate", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("w2"), overTLS(nil)) }),
		row("other-authority", "a worker with a certificate of another authority", as("w2", ofOther)),
		row("other-name", "a worker with the certificate of another worker", as("w2", of(certs.ForName("w3")))),
		row("guest", "a guest with the certificate of a worker", as("cli", of(certs.ForName("w3")))),
		row("expired", "a worker with a certificate that has expired", as("w2", of(certs.Expired(certs.ForName("w2"))))),
		row("common-name", "a worker whose certificate has the name in its subject, and another name as its host", as("w2", of(byHost))),
		row("star", "a worker whose certificate is for *", as("w2", of(certs.ForName("*")))),
	}
}
