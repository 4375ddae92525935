package gate

// Reclaim sets a function that names, by [Permit.ID], a holder that died without leaving, and returns 0
// where there is none, or none any more. The gate calls it at every tick, and takes such a permit back. The function must
// not block.
func (g *Gate) Reclaim(next func() int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reclaim = next
}

// startTicking has the gate's clock advance while anybody waits. While nobody does, nobody needs to know which holders
// overstay or died, and there is no clock. The caller must hold mu.
func (g *Gate) startTicking() { g.ticker.Start(g.opts.Tick, (*ticks)(g)) }

// ticks is the work of the gate's ticker.
type ticks Gate

func (t *ticks) Tick() bool { return (*Gate)(t).advance() }

func (t *ticks) Needed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return (*Gate)(t).waiting()
}

// waiting reports whether anybody waits: to enter, for the tick of a holder, or for all to leave. The caller must hold mu.
func (g *Gate) waiting() bool { return g.wanted() || g.state == Draining || g.needsTicks() }

// needsTicks reports whether a holder needs ticks. The caller must hold mu.
func (g *Gate) needsTicks() bool {
	for p := g.inside.first; p != nil; p = p.next {
		if p.holder != nil && p.holder.NeedsTicks() {
			return true
		}
	}
	return false
}

// wanted reports whether anybody waits to enter. The caller must hold mu.
func (g *Gate) wanted() bool { return !g.queue.empty() || !g.resuming.empty() }

// advance ages every permit by one tick and reports whether anybody waits.
func (g *Gate) advance() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	overstayed := g.fresh[1]
	g.stale += overstayed
	g.fresh[1], g.fresh[0] = g.fresh[0], 0
	g.tick++
	waiting := g.waiting()
	for p := g.inside.first; p != nil; p = p.next {
		g.look(p)
	}
	if overstayed >= g.quota && g.wanted() {
		g.quota = min(2*g.quota, g.opts.Max)
	}
	g.takeBack()
	g.admit()
	g.signalDrained()
	return waiting
}

// takeBack ends the permits of holders that died. The caller must hold mu.
func (g *Gate) takeBack() {
	if g.reclaim == nil {
		return
	}
	for id := g.reclaim(); id != 0; id = g.reclaim() {
		if id <= len(g.ids) && g.ids[id-1] != nil {
			g.ids[id-1].yield()
			g.discount(g.ids[id-1])
			g.ids[id-1] = nil
		}
	}
}
