package agent

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tick is how long whoever reads a ring may do something else before another takes its place.
	tick = 500 * time.Microsecond
	// idleTicks is how long the clock runs on when nobody needs it, so that it is not started for every call.
	idleTicks = 20
)

// clock looks after the rings, as nobody may be reading one: who reads requests executes them as well, and who waits
// for replies reads them, which saves waking others for it as long as neither takes long. It runs while any of them
// says that it needs it.
type clock struct {
	running atomic.Bool
	mu      sync.Mutex
	rings   map[ticked]struct{} // guarded by mu
}

// ticked is what the clock looks after.
type ticked interface {
	// tick is called in every tick, and says whether it is to be called again. It must not block.
	tick() bool
}

func (c *clock) add(t ticked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rings == nil {
		c.rings = map[ticked]struct{}{}
	}
	c.rings[t] = struct{}{}
}

func (c *clock) remove(t ticked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.rings, t)
}

// start is for what needs the clock from now on, which its tick must say already.
func (c *clock) start() {
	if !c.running.Load() && c.running.CompareAndSwap(false, true) {
		go c.run()
	}
}

func (c *clock) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for idle := 0; idle < idleTicks; idle++ {
		<-ticker.C
		if c.tick() {
			idle = 0
		}
	}
	c.running.Store(false)
	if c.tick() { // what began to need it just now took it for running
		c.start()
	}
}

func (c *clock) tick() (busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.rings {
		if t.tick() {
			busy = true
		}
	}
	return busy
}
