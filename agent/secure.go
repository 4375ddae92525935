package agent

import (
	"fmt"
	"net"
	"strings"
)

// safeguard refuses configurations that let anybody in who reaches the port, or that would speak in
// clear text over a network: whoever can call can run code.
func (c *Config) safeguard(listener net.Addr) error {
	if err := c.checkSecrets(); err != nil {
		return err
	}
	var exposed []string
	if !isLocal(listener) {
		where := listener.String()
		if c.Listener == nil {
			where = c.Listen // in the words of who gave it
		}
		exposed = append(exposed, "listens on "+where)
	}
	for _, p := range c.Peers {
		if p.Name != c.Name && !localAddress(p.Address) {
			exposed = append(exposed, "calls worker "+p.Name+" at "+p.Address)
		}
	}
	if r := c.Rendezvous; r != nil && r.Address != "" && !localAddress(r.Address) {
		exposed = append(exposed, "meets its group at "+c.Rendezvous.Address)
	}
	if len(exposed) == 0 || c.secure() {
		return nil
	}
	where := strings.Join(exposed, ", ")
	if !c.Insecure {
		return &ExposedError{Where: where}
	}
	danger := "whoever is on the way can read and change what is sent, and run code here by what is answered"
	if !isLocal(listener) {
		danger = "anybody who reaches this agent can run code in it, and read and change what it sends"
	}
	c.Logger.Warn("agent: INSECURE: "+danger, "exposed", where)
	return nil
}

// secure says whether every peer proves who it is, over an encrypted connection.
func (c *Config) secure() bool { return c.TLS != nil && (c.TLS.CA != "" || c.Token != nil) }

func (c *Config) checkSecrets() error {
	if c.TLS != nil {
		if err := c.TLS.check(); err != nil {
			return err
		}
		if !c.TLS.shows() && (c.Token == nil || c.Rendezvous != nil) {
			return wrong("TLS.Cert", "it and TLS.Key are missing: only a caller with a Token, which others do not call, can do without")
		}
		if c.TLS.CA == "" && c.Token == nil {
			return wrong("TLS.CA", "%w: TLS without a CA and without a Token asks nobody who he is", inner{ErrInsecure})
		}
	}
	if c.Token != nil {
		if err := c.Token.check(c.Name); err != nil {
			return err
		}
	}
	return nil
}

// mayDial refuses to send anything in clear text beyond this machine.
func (c *Config) mayDial(address string) error {
	if c.TLS != nil || c.Insecure || c.Dial != nil || localAddress(address) {
		return nil
	}
	return fmt.Errorf("%w: %s is beyond this machine and there is no TLS", ErrInsecure, address)
}

// isLocal says whether an address is reached from this machine only.
func isLocal(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback() // what is not TCP is a Unix socket, or a pipe in this process
}

func localAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
