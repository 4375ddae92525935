package agent

import (
	"cmp"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// Limits bound what an agent holds for others. Zero values mean the default; there is no "unlimited",
// and of a negative value only Shared makes something else.
// What goes beyond a limit is refused with codes.ResourceExhausted and a text that names the limit.
type Limits struct {
	// MaxMessage is the largest body, in bytes, sent or taken. 1 GiB.
	MaxMessage int64

	// CallsPerPeer and Calls are how many calls may wait for their replies. 16,384 and 65,536.
	CallsPerPeer, Calls int
	// QueuePerPeer and Queue are how many bytes of bodies may wait to be sent. One body is always taken
	// when nothing else waits for that peer. 1 GiB and 4 GiB.
	QueuePerPeer, Queue int64

	// ServingPerPeer and Serving are how many requests may be in execution. 16,384 and 65,536.
	ServingPerPeer, Serving int
	// ReceivePerPeer and Receive are how many bytes of bodies may be held: requests from their first byte
	// until their execution ends, and replies that are arriving. One body is always taken from a peer of
	// which nothing else is held. 1 GiB and 4 GiB.
	ReceivePerPeer, Receive int64

	// Shared is how many bytes of memory this agent shares with each peer that runs on the same machine as the
	// same user, in each direction of each of the two streams. A ring of 256 KiB in it carries the frames, for up to 64
	// peers that call this one; bodies of 32 KiB and more have places of their own, as long as there are any; what is
	// not used for 5 s is given back. 512 MiB; below zero for none.
	Shared int64

	// Connections are how many may be open to this agent's listener; further ones are closed at once. 4,096.
	Connections int
	// PendingConnections are how many of them may be open before their peer has proved who it is. 128.
	PendingConnections int
	// Handshake is how long a peer has for that. 10 s.
	Handshake time.Duration
}

// DefaultMaxMessage is the default of Limits.MaxMessage.
const DefaultMaxMessage = 1 << 30

func (l Limits) withDefaults() Limits {
	set(&l.MaxMessage, DefaultMaxMessage)
	set(&l.CallsPerPeer, 1<<14)
	set(&l.Calls, 1<<16)
	set(&l.QueuePerPeer, 1<<30)
	set(&l.Queue, 4<<30)
	set(&l.ServingPerPeer, 1<<14)
	set(&l.Serving, 1<<16)
	set(&l.ReceivePerPeer, 1<<30)
	set(&l.Receive, 4<<30)
	if l.Shared == 0 {
		l.Shared = 512 << 20
	}
	set(&l.Connections, 4096)
	set(&l.PendingConnections, 128)
	set(&l.Handshake, 10*time.Second)
	return l
}

// set puts a default where there is no sensible value.
func set[T cmp.Ordered](v *T, def T) {
	var zero T
	if *v <= zero {
		*v = def
	}
}

// callsKind is what the budget of an agent's calls is of.
var callsKind = &quota.Kind{Limit: "Limits.Calls", Used: "calls wait for replies"}

// maxRings is how many peers an agent invites to a ring: reading each takes an OS thread, also while it is idle.
const maxRings = 64

// ofTransport are those that the transport keeps.
func (l Limits) ofTransport() transport.Limits {
	return transport.Limits{
		MaxMessage: l.MaxMessage, CallsPerPeer: l.CallsPerPeer, QueuePerPeer: l.QueuePerPeer, Queue: l.Queue,
		ServingPerPeer: l.ServingPerPeer, Serving: l.Serving, ReceivePerPeer: l.ReceivePerPeer, Receive: l.Receive,
		Shared: l.Shared, Rings: maxRings,
	}
}
