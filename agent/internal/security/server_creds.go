package security

import (
	"crypto/tls"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// connInfo is what grpc keeps of a connection for us.
type connInfo struct {
	credentials.AuthInfo
	pending *pendingConn    // of a connection that came in, so that the check of its first request can admit it
	proved  *handshake.Peer // the peer, if it has proved that it has the token
}

// serverCreds are the listener's credentials: TLS or none, and then the handshake for peers that begin one. Other peers
// speak HTTP/2 at once: an agent without a token, a health probe, a tool.
type serverCreds struct {
	credentials.TransportCredentials
	security *Security
}

// ServerCredentials are for connections that come in.
func (s *Security) ServerCredentials() credentials.TransportCredentials {
	if s.keys == nil {
		return serverCreds{insecure.NewCredentials(), s}
	}
	return serverCreds{credentials.NewTLS(s.keys.server()), s}
}

func (c serverCreds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		c.failed(raw, "agent: a connection failed in the TLS handshake", err)
		return nil, nil, err
	}
	known := connInfo{AuthInfo: info}
	known.pending, _ = raw.(*pendingConn)
	conn, begun, err := handshake.Sniff(conn)
	if err == nil && begun {
		known.proved, err = c.security.admitByToken(conn, known)
	}
	if err != nil {
		c.failed(raw, "agent: a connection failed in the handshake of the tokens", err)
		return nil, nil, err
	}
	return conn, known, nil
}

func (c serverCreds) Clone() credentials.TransportCredentials {
	return serverCreds{c.TransportCredentials.Clone(), c.security}
}

// failed tells the operator of this side, unless the peer only looked whether the port is open.
func (c serverCreds) failed(raw net.Conn, what string, err error) {
	if !errors.Is(err, io.EOF) {
		c.security.handshakeFailed(raw.RemoteAddr(), what, err)
	}
}

// admitByToken is the handshake of the side that is called.
func (s *Security) admitByToken(conn net.Conn, info connInfo) (*handshake.Peer, error) {
	me, err := s.side(info)
	if err != nil {
		return nil, err
	}
	p, err := handshake.Server(conn, me)
	if err != nil {
		return nil, s.whyRefused(err)
	}
	if info.pending != nil {
		info.pending.Admit()
	}
	return &p, nil
}

// side is this agent as one end of a handshake.
func (s *Security) side(info connInfo) (handshake.Side, error) {
	side := handshake.Side{Name: s.config.Name, Incarnation: s.config.Incarnation}
	if s.config.Token != nil {
		side.Keys = s.config.Token.keys
	}
	state, ok := info.tlsState()
	if !ok {
		return side, nil
	}
	exported, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // tls-exporter, RFC 9266
	side.Exporter = exported
	return side, err
}

// tlsState returns the state of a connection's TLS, if it has any.
func (c connInfo) tlsState() (tls.ConnectionState, bool) {
	info, ok := c.AuthInfo.(credentials.TLSInfo)
	return info.State, ok
}
