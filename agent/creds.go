package agent

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// serverCreds are the listener's credentials: TLS or none, and the guest beside, so that whoever checks
// the first request of a connection can admit it.
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

// guestInfo is what grpc keeps of a connection for us.
type guestInfo struct {
	credentials.AuthInfo
	guest *guest
}

func (c serverCreds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		c.agent.handshakeFailed(raw.RemoteAddr(), err)
		return nil, nil, err
	}
	g, _ := raw.(*guest)
	return conn, guestInfo{info, g}, nil
}

func (c serverCreds) Clone() credentials.TransportCredentials {
	return serverCreds{c.TransportCredentials.Clone(), c.agent}
}

// clientCreds are the credentials of one connection to a worker, made of the files as they are now; nil
// without TLS.
func (a *Agent) clientCreds(name, address string) (*dialerCreds, error) {
	if a.keys == nil {
		return nil, nil
	}
	cfg, err := a.keys.client(name, address)
	if err != nil {
		return nil, err
	}
	return &dialerCreds{TransportCredentials: credentials.NewTLS(cfg), address: address, files: a.keys.files}, nil
}

// token proves to a worker that this one has a token.
func (a *Agent) token(to string) (credentials.PerRPCCredentials, error) {
	if a.config.Token == nil {
		return nil, nil
	}
	k, err := a.config.Token.load()
	if err != nil {
		return nil, err
	}
	return tokenCreds{k.prove(a.config.Name, to), a.keys != nil}, nil
}

type tokenCreds struct {
	value  string
	secure bool
}

func (t tokenCreds) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{authKey: bearer + t.value}, nil
}

// RequireTransportSecurity is what the configuration was checked for: without TLS the peer is on this machine,
// or the user has said that it shall be so.
func (t tokenCreds) RequireTransportSecurity() bool { return t.secure }

// tlsState returns the state of a connection's TLS, if it has any.
func (g guestInfo) tlsState() (tls.ConnectionState, bool) {
	info, ok := g.AuthInfo.(credentials.TLSInfo)
	return info.State, ok
}
