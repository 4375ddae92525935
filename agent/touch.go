package agent

import (
	"errors"
	"time"
)

// touchInterval is how often a worker looks whether it is connected to the leader. With the time that Config.Keepalive takes
// by default to find a connection broken, and Config.ConnectTimeout for the next, it is less than joinPatience.
const touchInterval = 10 * time.Second

// The leader must know in a join who lives, also where a worker has called nobody and nobody can call it: behind NAT, say,
// or in a container. So once a rendezvous has brought a group together, every worker connects to the leader, and the
// leader to every worker: a worker that was reached at its address has ended when nothing listens there any more.

// keepInTouch connects the leader and this worker, and a worker again and again until the agent is closed or the leader has
// ended. None of it waits for anything, and its failures are only logged.
func (a *Agent) keepInTouch() {
	workers := a.group.all()
	if workers[0].Name == a.config.Name {
		for _, w := range workers[1:] {
			a.lookFor(w.Name)
		}
		return
	}
	leader, err := a.group.link(workers[0].Name)
	if err != nil {
		return // the agent is being closed
	}
	ticker := time.NewTicker(touchInterval)
	defer ticker.Stop()
	for {
		if _, why := leader.lastFailure(); errors.Is(why, errRefused) {
			return // nothing listens there: it has ended, or never could be called
		}
		_, _, _ = leader.approach() // the leader sees its outcome
		select {
		case <-ticker.C:
		case <-a.ctx.Done():
			return
		}
	}
}
