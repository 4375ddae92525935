package main

import (
	"context"
	"sync"
)

// lastActs are what is still done when a second signal ends the command at once.
type lastActs struct {
	mu   sync.Mutex
	acts []func()
}

type lastActsKey struct{}

// beforeStopAtOnce has f called then. It must not wait for anything.
func beforeStopAtOnce(ctx context.Context, f func()) {
	if l, ok := ctx.Value(lastActsKey{}).(*lastActs); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acts = append(l.acts, f)
	}
}

func (l *lastActs) run() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.acts {
		f()
	}
}
