package security

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// ErrInsecure is for a configuration that would let anybody in.
var ErrInsecure = errors.New("agent: insecure configuration")

// ExposedError is an ErrInsecure: the agent would be reached, or would call, beyond this machine without proof of who
// calls.
type ExposedError struct {
	Where string // what of it is beyond this machine
}

func (e *ExposedError) Error() string {
	return "agent: " + e.Reason() + ": give Config.TLS with Cert, Key and CA, or Config.TLS and Config.Token, or stay on 127.0.0.1"
}

// Reason is what is wrong, without what to do about it.
func (e *ExposedError) Reason() string {
	return fmt.Sprintf("%s: the agent %s, beyond this machine, without TLS and proof of who calls", rpcerr.Within(ErrInsecure), e.Where)
}

// Is makes it an ErrInsecure.
func (e *ExposedError) Is(target error) bool { return errors.Is(ErrInsecure, target) }

// Exposure is where an agent can be reached, and what it calls.
type Exposure struct {
	Listener net.Addr
	Listens  string // the listener's address in the words of the configuration
	Calls    []Call
}

// Call is an address that the agent calls.
type Call struct {
	What    string // such as "calls worker w1"
	Address string // host:port
}

// beyond names what is beyond this machine.
func (e *Exposure) beyond() []string {
	var beyond []string
	if !isLocal(e.Listener) {
		beyond = append(beyond, "listens on "+e.Listens)
	}
	for _, c := range e.Calls {
		if !localAddress(c.Address) {
			beyond = append(beyond, c.What+" at "+c.Address)
		}
	}
	return beyond
}

// checkExposure refuses configurations that let anybody in who reaches the port, or that would speak in clear text over
// a network: a peer that can call can run code.
func (c *Config) checkExposure() error {
	beyond := c.Exposure.beyond()
	if len(beyond) == 0 || c.secure() {
		return nil
	}
	where := strings.Join(beyond, ", ")
	if !c.Insecure {
		return &ExposedError{Where: where}
	}
	danger := "whoever is on the way can read and change what is sent, and run code here by what is answered"
	if !isLocal(c.Exposure.Listener) {
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
		if !c.TLS.shows() && (c.Token == nil || c.Called) {
			return rpcerr.Configf("TLS.Cert", "it and TLS.Key are missing: only a caller with a Token, which others do not call, can do without")
		}
		if c.TLS.CA == "" && c.Token == nil {
			return rpcerr.Configf("TLS.CA", "%w: TLS without a CA and without a Token asks nobody who he is", rpcerr.Within(ErrInsecure))
		}
	}
	if c.Token != nil {
		return c.Token.check(c.Name)
	}
	return nil
}

// mayDial refuses to send anything in clear text beyond this machine.
func (c *Config) mayDial(address string) error {
	if c.TLS != nil || c.Insecure || c.OwnDial || localAddress(address) {
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
