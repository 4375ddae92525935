package membership

import (
	"context"
	"time"
)

// touchInterval is how often a worker looks whether it is connected to the leader. With the 30 s that an agent takes by default to
// find a connection broken, and the 10 s for the next, it is less than JoinPatience.
const touchInterval = 10 * time.Second

// KeepInTouch connects the leader and the member that is named self, in a group that a rendezvous has brought together. The
// leader must know in a join which workers live, also where a worker has called nobody and cannot be called: behind NAT,
// say, or in a container. So every worker connects to the leader, and the leader to every worker: a worker that was reached at
// its address has ended when nothing listens there any more.
//
// For the leader KeepInTouch begins that, and returns. For another worker it looks again and again, until ctx ends or nothing
// listens at the leader's address. It waits for no connection.
func KeepInTouch(ctx context.Context, members *Members, self string, connections Connections) {
	leader := members.Leader()
	if leader == self {
		for _, m := range members.All()[1:] {
			connections.Connect(m.Name)
		}
		return
	}
	ticker := time.NewTicker(touchInterval)
	defer ticker.Stop()
	for {
		if connections.LastFailure(leader).Refused {
			return // it has ended, or never could be called
		}
		connections.Connect(leader) // the leader sees its outcome
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
