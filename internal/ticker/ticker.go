// Package ticker calls a function at a fixed interval for as long as something needs it. Where nothing does there is no
// goroutine and no timer: what waits for something that may not come by itself starts the [Ticker], and the Ticker stops
// by itself.
package ticker

import (
	"sync/atomic"
	"time"
)

const (
	// Interval is the usual one: how long a goroutine may keep what others wait for before that counts as long.
	Interval = 500 * time.Microsecond
	// IdleTicks is how many ticks a Ticker goes on when nothing needs it, so that it is not started for every wait.
	IdleTicks = 20
)

// Work is what a Ticker is for.
type Work interface {
	// Tick is called at each interval, and says whether it is needed further. It must not block.
	Tick() (needed bool)
	// Needed is called once the Ticker has ended: what began to need it a moment before took it for running.
	Needed() bool
}

// Ticker is ready as its zero value.
type Ticker struct{ running atomic.Bool }

// Start is for what needs the ticks from now on, which w must say already. A Ticker that runs goes on as it was.
func (t *Ticker) Start(every time.Duration, w Work) {
	if !t.running.Load() && t.running.CompareAndSwap(false, true) {
		go t.run(every, w)
	}
}

// Running says whether the Ticker runs.
func (t *Ticker) Running() bool { return t.running.Load() }

// Hold keeps a Ticker that does not run from starting, until resume; false where it runs. It is for tests, which say
// themselves when it ticks.
func (t *Ticker) Hold() (resume func(), ok bool) {
	if !t.running.CompareAndSwap(false, true) {
		return nil, false
	}
	return func() { t.running.Store(false) }, true
}

func (t *Ticker) run(every time.Duration, w Work) {
	clock := time.NewTicker(every)
	defer clock.Stop()
	for idle := 0; idle < IdleTicks; {
		<-clock.C
		if w.Tick() {
			idle = 0
		} else {
			idle++
		}
	}
	t.running.Store(false)
	if w.Needed() {
		t.Start(every, w)
	}
}
