package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// errUntrusted is for connections that TLS ended, and will end again unless somebody changes a file.
var errUntrusted = errors.New("agent: TLS")

// dialerCreds are the credentials of one connection to a worker: TLS or none, and then the handshake of the tokens. They keep
// why that ended it: of that, grpc passes on the text at best, and none if it was writing at the time.
type dialerCreds struct {
	credentials.TransportCredentials
	agent   *Agent
	to      string // the worker's name; "" where only its address is known
	address string
	files   TLS

	mu      sync.Mutex
	refusal error
}

// Clone keeps the one that the dialing worker will ask.
func (d *dialerCreds) Clone() credentials.TransportCredentials { return d }

func (d *dialerCreds) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := d.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		d.note(err)
		return nil, nil, err
	}
	known := connInfo{AuthInfo: info}
	if err := d.proveToken(ctx, conn, &known); err != nil {
		d.note(err)
		_ = conn.Close()
		return nil, nil, err
	}
	if _, overTLS := known.tlsState(); overTLS {
		conn = &newConn{Conn: conn, creds: d, heard: make(chan struct{})}
	}
	return conn, known, nil
}

// note keeps what is about trust; the rest is for grpc to tell.
func (d *dialerCreds) note(err error) {
	refusal := d.whyUnproved(err)
	if refusal == nil {
		if text := d.explain(err); text != "" {
			refusal = failure(codes.Unavailable, "%w: %s", errUntrusted, text)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if refusal != nil {
		d.refusal = refusal
	}
}

// why is what a failed attempt to connect is to be told of: err, unless the handshakes say more.
func (d *dialerCreds) why(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusal != nil {
		return d.refusal
	}
	return err
}

// explain says what is wrong and what to do, or nothing.
func (d *dialerCreds) explain(err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var misnamed *misnamedError
	var noTLS tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &unknown):
		roots := "the system"
		if d.files.CA != "" {
			roots = d.files.CA
		}
		return fmt.Sprintf("the certificate at %s does not come from a root of %s (%v): give the CA that signed it, or have that CA sign it",
			d.address, roots, err)
	case errors.As(err, &invalid):
		return fmt.Sprintf("the certificate at %s cannot be used (%v): that worker needs a new one, which it reads without a restart", d.address, err)
	case errors.As(err, &misnamed):
		return misnamed.Error()
	case errors.As(err, &noTLS):
		return fmt.Sprintf("what listens at %s does not speak TLS: give TLS to both sides, or to neither", d.address)
	case errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate") && !d.files.shows():
		return fmt.Sprintf("the worker at %s takes no token and asks for a certificate, and this one has none (%v): "+
			"give TLS.Cert and TLS.Key (--tls-cert, --tls-key), or that worker a token", d.address, alert.Err)
	case errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate"):
		return fmt.Sprintf("the worker at %s does not accept the certificate of this one, %s (%v): it must be valid, and come from its CA",
			d.address, d.files.Cert, alert.Err)
	}
	return ""
}

// misnamedError is a certificate that is not for the worker that was called.
type misnamedError struct {
	address, worker string
	names           []string
}

func (m *misnamedError) Error() string {
	if m.worker == "" {
		return fmt.Sprintf("the certificate at %s is for %s, and not for that host: who knows a coordinator by address alone "+
			"wants the host's name, or its IP address, in the certificate too", m.address, orNobody(m.names))
	}
	return fmt.Sprintf("the certificate at %s is for %s, not for worker %s: correct the address, or give that worker a certificate of its name",
		m.address, orNobody(m.names), m.worker)
}

// newConn is a connection on which the peer has not spoken since the handshake. In TLS 1.3 that ends here
// before the peer has looked at our certificate: if it does not like it, a write may fail before the alert
// that says why is read.
type newConn struct {
	net.Conn
	creds *dialerCreds
	heard chan struct{} // closed with the first thing that the peer said
	once  sync.Once
}

func (c *newConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.once.Do(func() {
		if err != nil {
			c.creds.note(err)
		}
		close(c.heard)
	})
	return n, err
}

func (c *newConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		late := time.NewTimer(time.Second) // grpc reads already, and what was said before the end is still there
		defer late.Stop()
		select {
		case <-c.heard:
		case <-late.C:
		}
	}
	return n, err
}
