package gate

// Reclaim sets a function that names, by [Permit.ID], a holder that died without leaving, or gives 0
// when there is none (any more). The gate asks at every tick, and takes such a permit back. It must
// not block.
func (g *Gate) Reclaim(next func() int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reclaim = next
}

// startTicking has the gate's clock advance while anybody waits. Without waiters nobody needs to know who
// overstays or died, and there is no clock. The caller must hold mu.
func (g *Gate) startTicking() { g.ticker.Start(g.opts.Tick, (*ticks)(g)) }

// ticks is the work of the gate's ticker.
type ticks Gate

func (t *ticks) Tick() bool { return (*Gate)(t).advance() }

func (t *ticks) Needed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return (*Gate)(t).waiting()
}

// waiting with mu held: does anybody wait, to enter, for others of its batch, or for the others to leave?
func (g *Gate) waiting() bool { return g.wanted() || g.state == Draining || g.dispatchesMany() }

// wanted with mu held: does anybody wait to enter?
func (g *Gate) wanted() bool { return !g.queue.empty() || !g.back.empty() }

// advance ages every permit by one tick and reports whether anybody waits.
func (g *Gate) advance() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	overstayed := g.fresh[1]
	g.stale += overstayed
	g.fresh[1], g.fresh[0] = g.fresh[0], 0
	g.tick++
	waiting := g.waiting()
	g.lookAtAll()
	if overstayed >= g.quota && g.wanted() {
		g.quota = min(2*g.quota, g.opts.Max)
	}
	g.takeBack()
	g.admit()
	g.signalDrained()
	return waiting
}

// takeBack with mu held.
func (g *Gate) takeBack() {
	if g.reclaim == nil {
		return
	}
	for id := g.reclaim(); id != 0; id = g.reclaim() {
		if id <= len(g.ids) && g.ids[id-1] != nil {
			g.yield(g.ids[id-1])
			g.discount(g.ids[id-1])
			g.ids[id-1] = nil
		}
	}
}
