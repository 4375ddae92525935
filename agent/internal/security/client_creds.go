package security

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
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// ErrUntrusted is for connections that TLS ended, and will end again unless a file is changed.
var ErrUntrusted = errors.New("agent: TLS")

// ClientCredentials are the credentials of one connection to a worker: TLS or none, and then the handshake of the tokens.
// They keep the reason for which either ended the connection: of that, grpc passes on the text at best, and none if it was
// writing at the time.
type ClientCredentials struct {
	credentials.TransportCredentials
	security *Security
	to       string // the worker's name; "" where only its address is known
	address  string
	files    TLS

	mu      sync.Mutex
	refusal error
}

// Clone returns d itself: the dialing worker asks it for the reason.
func (d *ClientCredentials) Clone() credentials.TransportCredentials { return d }

// ClientHandshake is grpc's.
func (d *ClientCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
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

// ClientCredentials are for one connection to a worker, made of the files as they are now. The name of a coordinator of
// which only the address is known is "".
//
// Errors: ErrInsecure; what is wrong with the files.
func (s *Security) ClientCredentials(name, address string) (*ClientCredentials, error) {
	if err := s.config.mayDial(address); err != nil {
		return nil, err
	}
	d := &ClientCredentials{TransportCredentials: insecure.NewCredentials(), security: s, to: name, address: address}
	if s.config.Token != nil { // what is wrong with it is said before the worker is called
		if _, err := s.config.Token.load(); err != nil {
			return nil, err
		}
	}
	if s.keys == nil {
		return d, nil
	}
	cfg, err := s.keys.client(name, address)
	if err != nil {
		return nil, err
	}
	d.TransportCredentials, d.files = credentials.NewTLS(cfg), s.keys.files
	return d, nil
}

// proveToken is the handshake of the side that calls. An agent without a token has nothing to prove, and asks for nothing.
func (d *ClientCredentials) proveToken(ctx context.Context, conn net.Conn, info *connInfo) error {
	if d.security.config.Token == nil {
		return nil
	}
	defer untilEnd(ctx, conn)()
	me, err := d.security.side(*info)
	if err != nil {
		return err
	}
	p, err := handshake.Client(conn, me, d.to)
	if err != nil {
		return err
	}
	info.proved = &p
	return nil
}

// note keeps what is about trust; the rest is for grpc to tell.
func (d *ClientCredentials) note(err error) {
	refusal := d.whyUnproved(err)
	if refusal == nil {
		if text := d.explain(err); text != "" {
			refusal = rpcerr.Errorf(codes.Unavailable, "%w: %s", ErrUntrusted, text)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if refusal != nil {
		d.refusal = refusal
	}
}

// noPreface is what grpc says of a peer that ended the connection before it sent anything of HTTP/2.
const noPreface = "error reading server preface"

// Why is what an attempt to connect failed with: err, unless the handshakes say more.
func (d *ClientCredentials) Why(err error) error {
	if d.security.keys == nil && strings.Contains(err.Error(), noPreface) {
		return endsWhatIsNotTLS(d.address, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusal != nil {
		return d.refusal
	}
	return err
}

// explain says what is wrong and what to do, or nothing.
func (d *ClientCredentials) explain(err error) string {
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

// newConn is a connection on which the peer has not spoken since the handshake. In TLS 1.3 the handshake ends on this
// side before the peer has checked this side's certificate: if the peer refuses it, a write may fail before the alert that
// says so is read.
type newConn struct {
	net.Conn
	creds *ClientCredentials
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
