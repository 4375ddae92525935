package gate

import "time"

// idleTicks is how long the ticker stays after the queue became empty, so that a busy gate does not
// start and end a goroutine for every wait.
const idleTicks = 20

// startTicking with mu held.
func (g *Gate) startTicking() {
	if g.ticking {
		return
	}
	g.ticking = true
	go g.run(g.opts.Tick)
}

// run advances the gate's clock while anybody waits. Without waiters nobody needs to know who
// overstays, and there is no clock.
func (g *Gate) run(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	idle := 0
	for idle < idleTicks {
		<-ticker.C
		if g.advance() {
			idle = 0
		} else {
			idle++
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticking = false
	if !g.queue.empty() {
		g.startTicking()
	}
}

// advance ages every permit by one tick and reports whether anybody waits.
func (g *Gate) advance() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	overstayed := g.fresh[1]
	g.stale += overstayed
	g.fresh[1], g.fresh[0] = g.fresh[0], 0
	g.tick++
	waiting := !g.queue.empty()
	if overstayed >= g.quota && waiting {
		g.quota = min(2*g.quota, g.opts.Max)
	}
	g.admit()
	return waiting
}
