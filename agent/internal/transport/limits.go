package transport

import "github.com/gopyrpc/gopyrpc/agent/internal/quota"

// Limits bound what is held for peers, as agent.Limits describes them. All are set; of Shared, zero and less is for none.
type Limits struct {
	MaxMessage              int64 // bytes of a body
	CallsPerPeer            int   // that wait for their replies
	QueuePerPeer, Queue     int64 // bytes that wait to be sent
	ServingPerPeer, Serving int   // requests in execution
	ReceivePerPeer, Receive int64 // bytes that are held
	Shared                  int64 // bytes of memory shared with a peer, in each direction of a stream
	Rings                   int   // peers that are invited to send everything through shared memory
}

// What the budgets are of, and which limit sets each.
var (
	callsPerPeerKind   = &quota.Kind{Limit: "Limits.CallsPerPeer", Used: "calls wait for replies of this worker"}
	queueKind          = &quota.Kind{Limit: "Limits.Queue", Used: "bytes wait to be sent to all peers", FirstAlways: true}
	servingKind        = &quota.Kind{Limit: "Limits.Serving", Used: "requests are in execution"}
	servingPerPeerKind = &quota.Kind{Limit: "Limits.ServingPerPeer", Used: "requests of this peer are in execution"}
	controlKind        = &quota.Kind{Limit: "Limits.ServingPerPeer", Used: "requests of this peer about RRefs and joins are in execution"}
	receiveKind        = &quota.Kind{Limit: "Limits.Receive", Used: "bytes of requests and replies are held", FirstAlways: true}
	requestsPerPeer    = &quota.Kind{Limit: "Limits.ReceivePerPeer", Used: "bytes of requests of this peer are held", FirstAlways: true}
	repliesPerPeer     = &quota.Kind{Limit: "Limits.ReceivePerPeer", Used: "bytes of replies are arriving from this worker", FirstAlways: true}
	ringsKind          = &quota.Kind{Limit: "Limits.Rings", Used: "rings are read"}
)
