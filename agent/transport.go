package agent

import (
	"errors"

	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// newTransport makes what connects this agent with others.
func (a *Agent) newTransport() *transport.Transport {
	c := a.config
	return transport.New(a.ctx, transport.Config{
		Limits: a.limits.ofTransport(), ZeroCopy: c.ZeroCopy,
		ConnectTimeout: c.ConnectTimeout, StartTimeout: c.StartTimeout, Keepalive: c.Keepalive, Dial: c.Dial, WrapWriter: c.WrapWriter,
		Security: a.security, Group: connections{a}, Log: a.log,
		Hello: func(nonce []byte) metadata.MD { return a.hello(nonce) },
	})
}

// connections is the agent as the transport and package membership see it.
type connections struct{ agent *Agent }

func (c connections) Complete() bool { return c.agent.complete() }

// Arrived tells the RRefs of a worker, which has references or is to get some.
func (c connections) Arrived(worker string, incarnation uint64) {
	c.agent.rrefs.arrived(worker, incarnation)
}

func (c connections) Heard(worker string) { c.agent.rrefs.heard(worker) }

func (c connections) Connected(name string) bool { return c.agent.present(name) }

func (c connections) Connect(name string) { c.agent.lookFor(name) }

func (c connections) LastFailure(name string) membership.Failure {
	p, err := c.agent.peers.to(name)
	if err != nil {
		return membership.Failure{} // the agent is being closed
	}
	at, why := p.LastFailure()
	return membership.Failure{At: at, Err: why, Refused: errors.Is(why, transport.ErrRefused), Reached: p.WasReached()}
}
