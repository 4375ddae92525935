package agent

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// Metrics is told of what an agent does. Its methods are called on the way of the calls: they must be quick, and
// may be called on many goroutines at once.
type Metrics interface {
	// CallDone is told of every call that this agent made: to whom, how it ended, how long it took.
	CallDone(to string, code codes.Code, took time.Duration)
}

// Stats are counts since the agent was made, and what there is now.
type Stats struct {
	Calls         uint64 // made by this agent and ended
	Failures      uint64 // of them, with an error
	Served        uint64 // requests executed
	Shared        uint64 // bodies sent through shared memory
	Rings         int    // streams on which everything this agent sends goes through shared memory
	Refused       uint64 // requests of peers that may not come in
	Handshakes    uint64 // connections that failed in the handshake of TLS or of the tokens
	TurnedAway    uint64 // connections closed before their peer had proved who it is
	InFlight      int    // calls without an outcome, and requests in execution
	QueuedBytes   int64  // of bodies that wait to be sent
	IncomingBytes int64  // of bodies held for requests, and of replies that are arriving
	Connections   int    // open to the listener
	Pending       int    // of them, whose peer has not proved yet who it is
	RRefsOwned    int    // values that this worker keeps for the group
	RRefsUsed     int    // references that this worker holds to values of others
	RRefsShared   int    // values that this worker keeps, and to which others have references
	RRefUsers     int    // references of others to values that this worker keeps
	RRefsPending  int    // references that this worker holds or has sent, and whose owner has not confirmed them yet
}

type counters struct {
	calls, failures, served atomic.Uint64
	metrics                 Metrics
}

// callDone counts a call's end. A nil *Error in err is impossible: callers pass nil or an error.
func (n *counters) callDone(c *clientCall, err error) {
	n.calls.Add(1)
	if err != nil {
		n.failures.Add(1)
	}
	if n.metrics == nil {
		return
	}
	code, to := codes.OK, c.agent.config.Name
	if err != nil {
		code = asError(err).Code
	}
	if c.peer != nil {
		to = c.peer.Name()
	}
	n.metrics.CallDone(to, code, time.Since(c.began))
}

// Stats returns the counts. It does not block.
func (a *Agent) Stats() Stats {
	t := a.transport.Stats()
	s := Stats{
		Calls: a.count.calls.Load(), Failures: a.count.failures.Load(),
		Served: a.count.served.Load(), Shared: t.Shared, Rings: t.Rings,
		InFlight: a.activity.Load(), QueuedBytes: t.QueuedBytes, IncomingBytes: a.transport.Incoming.Used(),
	}
	a.rrefs.count(&s)
	l, refusals := a.listener.Stats(), a.security.Stats()
	s.Connections, s.Pending, s.TurnedAway = l.Open, l.Pending, l.Rejected
	s.Refused, s.Handshakes = refusals.Refused, refusals.Handshakes
	return s
}
