package transport

import (
	"sync"

	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// tick is how long a goroutine that reads a ring may do something else before another takes its place.
const tick = ticker.Interval

// clock looks after the rings, as it may be that none is read: a goroutine that reads requests executes them as well, and
// a caller that waits for replies reads them, which saves waking others for it as long as neither takes long. It runs
// while any of the rings says that it needs it.
type clock struct {
	ticker ticker.Ticker
	mu     sync.Mutex
	rings  map[ticked]struct{} // guarded by mu
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
func (c *clock) start() { c.ticker.Start(tick, (*ringTicks)(c)) }

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

// ringTicks is the clock's work.
type ringTicks clock

func (r *ringTicks) Tick() bool   { return (*clock)(r).tick() }
func (r *ringTicks) Needed() bool { return (*clock)(r).tick() }
