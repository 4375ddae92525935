package gate

import (
	"fmt"
	"time"
)

// DefaultMaxAbandoned is four times [DefaultMax]. Each abandoned permit is an OS thread of the process: 320 of both
// are far below what Go (10,000 threads), systemd and container runtimes usually allow.
const DefaultMaxAbandoned = 4 * DefaultMax

// Abandon is for a holder, named by the [Permit.ID] of its permit, that is not expected to leave soon, and that nobody
// waits for: its caller has gone, and it does not react. The permit no longer counts, so a newcomer can have the
// place. The holder keeps its OS thread, and its permit until it leaves; [Gate.Drain] waits for it as for any holder.
// Abandon reports whether the holder takes no newcomer's place, now or already: false means that [Options.MaxAbandoned]
// holders are abandoned, and that this one still counts.
//
// The caller makes sure that the permit is out, and stays with that holder meanwhile. Abandon does not block.
func (g *Gate) Abandon(id int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id < 1 || id > len(g.ids) || g.ids[id-1] == nil {
		return true
	}
	p := g.ids[id-1]
	switch {
	case p.at != &g.inside:
		return true
	case g.abandoned.n >= g.opts.MaxAbandoned:
		return false
	}
	p.yield()
	g.uncount(p)
	g.move(p, &g.abandoned)
	g.admit()
	return true
}

// IsAbandoned reports whether the permit of that ID is out and abandoned. A permit whose holder is suspended, or has come
// back since, is not.
func (g *Gate) IsAbandoned(id int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return id >= 1 && id <= len(g.ids) && g.ids[id-1] != nil && g.ids[id-1].at == &g.abandoned
}

// blockedFor is how long newcomers wait, while some holders inside are not known to be stuck, before the gate counts as blocked.
const blockedFor = 5 * time.Second

// standstill is what [Gate.Blocked] saw of a queue that does not move.
type standstill struct {
	entries uint64    // how often a permit had been granted
	since   time.Time // from when on that is so
	looked  time.Time // zero while there is none
}

// Blocked says why no newcomer can come in, given that so many of the holders inside are stuck. It is empty where a newcomer
// can, and where a holder is inside that may leave. A holder that is not known to be stuck counts as stuck once newcomers have
// waited for five seconds and none came in: a call without a deadline may be as stuck as one whose deadline has passed. To know
// that, Blocked has to be called at least once a second.
func (g *Gate) Blocked(stuck int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != Running {
		return ""
	}
	still := g.standsStill(time.Now())
	others := g.inside.n - stuck
	switch n := g.out(); {
	case stuck+g.abandoned.n == 0, others > 0 && !still:
		return ""
	case g.inside.n >= g.opts.Max && others > 0:
		return fmt.Sprintf("all %d permits are held: %d by calls whose context has ended and that run on, %d by calls that run "+
			"for more than %v; and %d more such calls are abandoned", g.opts.Max, stuck, others, blockedFor, g.abandoned.n)
	case g.inside.n >= g.opts.Max:
		return fmt.Sprintf("all %d permits are held by calls whose context has ended and that run on, and %d more such calls "+
			"are abandoned, which is the most that may be", g.opts.Max, g.abandoned.n)
	case n >= g.opts.Total:
		return fmt.Sprintf("%d calls, of which %d are stuck, have a thread each, which is the most that may be", n, stuck+g.abandoned.n)
	case !g.threadFor(n + 1):
		return fmt.Sprintf("%d calls are stuck, and there is no thread for one more: %v", stuck+g.abandoned.n, g.opts.Threads(n+1))
	}
	return ""
}

// standsStill reports whether newcomers have waited for blockedFor, at each look, while nobody came in and no holder went on
// to other work. The caller must hold mu.
func (g *Gate) standsStill(now time.Time) bool {
	s := &g.still
	switch {
	case g.queue.empty() || g.stale < g.inside.n:
		*s = standstill{}
		return false
	case s.looked.IsZero() || s.entries != g.entries || now.Sub(s.looked) > blockedFor:
		*s = standstill{g.entries, now, now}
		return false
	}
	s.looked = now
	return now.Sub(s.since) >= blockedFor
}
