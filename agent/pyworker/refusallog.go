package pyworker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// refusalLog logs what peers were refused, refusalLines lines for each peer and minute.
type refusalLog struct {
	log *slog.Logger

	mu    sync.Mutex
	peers map[string]*refusalCount // guarded by mu
}

const refusalLines = 10

type refusalCount struct {
	began   time.Time // of the minute
	lines   int       // logged in this minute
	dropped int       // not logged in this minute
	all     uint64
}

// add counts a refusal, and logs it unless there were too many in this minute.
func (l *refusalLog) add(peer string, r refused) {
	now := time.Now()
	l.mu.Lock()
	c := l.peers[peer]
	if c == nil {
		c = &refusalCount{began: now}
		l.peers[peer] = c
	}
	c.all++
	dropped := 0
	if now.Sub(c.began) >= time.Minute {
		dropped, *c = c.dropped, refusalCount{began: now, all: c.all}
	}
	c.lines++
	if c.lines > refusalLines {
		c.dropped++
		l.mu.Unlock()
		return
	}
	last := c.lines == refusalLines
	l.mu.Unlock()
	if dropped > 0 {
		l.log.Warn("pyworker: refusals that were not logged", "peer", peer, "number", dropped)
	}
	attributes := []any{"peer", peer, "name", r.name, "rule", r.rule}
	if r.entry != "" {
		attributes = append(attributes, "entry_that_lets_it_in", r.entry)
	}
	l.log.Warn("pyworker: a peer was refused something", attributes...)
	if last {
		l.log.Warn("pyworker: what else the peer is refused in this minute is counted, and not logged", "peer", peer)
	}
}

// counts returns the number of refusals, by the peer's name.
func (l *refusalLog) counts() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]uint64, len(l.peers))
	for peer, c := range l.peers {
		counts[peer] = c.all
	}
	return counts
}

// hostRefused takes (worker, name, text, entry), and logs a refusal that Python itself made.
func (w *Worker) hostRefused(_ context.Context, a arguments) (any, error) {
	peer, err1 := argument[string](a, 0)
	name, err2 := argument[string](a, 1)
	text, err3 := argument[string](a, 2)
	entry, err4 := argument[string](a, 3)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	w.refusals.add(peer, refused{name: printable(name), rule: printable(text), entry: printable(entry)})
	return nil, nil
}
