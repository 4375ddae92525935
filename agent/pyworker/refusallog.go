package pyworker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// refusalLog says in the log what peers were refused: so many lines of each in a minute.
type refusalLog struct {
	log *slog.Logger

	mu    sync.Mutex
	peers map[string]*refusalCount // guarded by mu
}

const refusalLines = 10

type refusalCount struct {
	began time.Time // of the minute
	lines int       // in it
	left  int       // that were not said
	all   uint64
}

// say logs a refusal, or counts it.
func (l *refusalLog) say(peer string, r refused) {
	now := time.Now()
	l.mu.Lock()
	c := l.peers[peer]
	if c == nil {
		c = &refusalCount{began: now}
		l.peers[peer] = c
	}
	c.all++
	left := 0
	if now.Sub(c.began) >= time.Minute {
		left, *c = c.left, refusalCount{began: now, all: c.all}
	}
	c.lines++
	if c.lines > refusalLines {
		c.left++
		l.mu.Unlock()
		return
	}
	last := c.lines == refusalLines
	l.mu.Unlock()
	if left > 0 {
		l.log.Warn("pyworker: refusals that were not logged", "peer", peer, "number", left)
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

// counts are how often peers were refused something, by name.
func (l *refusalLog) counts() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]uint64, len(l.peers))
	for peer, c := range l.peers {
		counts[peer] = c.all
	}
	return counts
}

// hostRefused is (worker, name, text, entry), for what Python itself refuses.
func (w *Worker) hostRefused(_ context.Context, a arguments) (any, error) {
	peer, err1 := argument[string](a, 0)
	name, err2 := argument[string](a, 1)
	text, err3 := argument[string](a, 2)
	entry, err4 := argument[string](a, 3)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	w.refusals.say(peer, refused{name: printable(name), rule: printable(text), entry: printable(entry)})
	return nil, nil
}
