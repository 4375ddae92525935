package agent

import (
	"context"
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
	guest  *guest          // of a connection that came in, so that whoever checks its first request can admit it
	proved *handshake.Peer // who has proved at the other end that it has the token; nil if nobody has
}

// serverCreds are the listener's credentials: TLS or none, and then the handshake for those who begin one. Whoever does
// not speaks HTTP/2 at once: an agent without a token, a health probe, a tool.
type serverCreds struct {
	credentials.TransportCredentials
	agent *Agent
}

func (a *Agent) serverCreds() credentials.TransportCredentials {
	if a.keys == nil {
		return serverCreds{insecure.NewCredentials(), a}
	}
	return serverCreds{credentials.NewTLS(a.keys.server()), a}
}

func (c serverCreds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		c.agent.handshakeFailed(raw.RemoteAddr(), "agent: a connection failed in the TLS handshake", err)
		return nil, nil, err
	}
	known := connInfo{AuthInfo: info}
	known.guest, _ = raw.(*guest)
	conn, begun, err := handshake.Sniff(conn)
	if err == nil && begun {
		known.proved, err = c.agent.admitByToken(conn, known)
	}
	if err != nil {
		c.agent.handshakeFailed(raw.RemoteAddr(), "agent: a connection failed in the handshake of the tokens", err)
		return nil, nil, err
	}
	return conn, known, nil
}

func (c serverCreds) Clone() credentials.TransportCredentials {
	return serverCreds{c.TransportCredentials.Clone(), c.agent}
}

// admitByToken is the handshake of the side that is called.
func (a *Agent) admitByToken(conn net.Conn, info connInfo) (*handshake.Peer, error) {
	me, err := a.side(info)
	if err != nil {
		return nil, err
	}
	p, err := handshake.Server(conn, me)
	if err != nil {
		return nil, a.whyTurnedAway(err)
	}
	if info.guest != nil {
		info.guest.admit()
	}
	return &p, nil
}

// side is this agent as one end of a handshake.
func (a *Agent) side(info connInfo) (handshake.Side, error) {
	s := handshake.Side{Name: a.config.Name, Incarnation: a.incarnation}
	if a.config.Token != nil {
		s.Keys = a.config.Token.keys
	}
	state, ok := info.tlsState()
	if !ok {
		return s, nil
	}
	exported, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // tls-exporter, RFC 9266
	s.Exporter = exported
	return s, err
}

// handshakeFailed has the operator of this side know of it too.
func (a *Agent) handshakeFailed(from net.Addr, what string, err error) {
	if errors.Is(err, io.EOF) { // somebody looked whether the port is open
		return
	}
	a.count.handshakes.Add(1)
	if a.refusals.due() {
		a.log.Warn(what, "from", from, "err", inner{err})
	}
}

// clientCreds are the credentials of one connection to a worker, made of the files as they are now.
func (a *Agent) clientCreds(name, address string) (*dialerCreds, error) {
	d := &dialerCreds{TransportCredentials: insecure.NewCredentials(), agent: a, to: name, address: address}
	if a.config.Token != nil { // what is wrong with it is said before anybody is called
		if _, err := a.config.Token.load(); err != nil {
			return nil, err
		}
	}
	if a.keys == nil {
		return d, nil
	}
	cfg, err := a.keys.client(name, address)
	if err != nil {
		return nil, err
	}
	d.TransportCredentials, d.files = credentials.NewTLS(cfg), a.keys.files
	return d, nil
}

// proveToken is the handshake of the side that calls. Who has no token has nothing to prove, and asks for nothing.
func (d *dialerCreds) proveToken(ctx context.Context, conn net.Conn, info *connInfo) error {
	if d.agent.config.Token == nil {
		return nil
	}
	defer untilEnd(ctx, conn)()
	me, err := d.agent.side(*info)
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

// tlsState returns the state of a connection's TLS, if it has any.
func (c connInfo) tlsState() (tls.ConnectionState, bool) {
	info, ok := c.AuthInfo.(credentials.TLSInfo)
	return info.State, ok
}
