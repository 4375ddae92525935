package pybridge

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
)

// How much of a stall is logged, and how often one may be.
const (
	stallEvery = time.Minute
	stallKinds = 16 // groups of calls with the same label and stack
)

// stallLog writes that Python serves no call any more, once for each time that it happens and at most once a minute.
type stallLog struct {
	log *slog.Logger

	mu sync.Mutex
	// guarded by mu
	present *gil.Stall
	logged  *gil.Stall // of which the end is to be logged
	last    time.Time
	later   *time.Timer
	records []func() // to be logged
	writing bool
}

// note is what gil.OnStall calls.
func (l *stallLog) note(s *gil.Stall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.present = s
	if s != nil {
		l.begin()
		return
	}
	if l.later != nil {
		l.later.Stop()
	}
	if l.logged != nil {
		l.logged = nil
		l.write(func() { l.log.Warn("python serves calls again") })
	}
}

// begin with mu held logs the present stall, or comes back when the last one is long enough ago.
func (l *stallLog) begin() {
	if wait := stallEvery - time.Since(l.last); !l.last.IsZero() && wait > 0 {
		l.later = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.present != nil && l.logged != l.present {
				l.begin()
			}
		})
		return
	}
	s := l.present
	l.last, l.logged = time.Now(), s
	l.write(func() {
		l.log.Error("python serves no calls: "+s.Reason, "waiting", s.Waiting, "inside", counted(s.Inside), "calls", describe(s.Calls))
	})
}

// write logs what is to be logged, in order, and gives mu up meanwhile: a handler may block, also on the
// GIL that is stuck. The caller must hold mu.
func (l *stallLog) write(record func()) {
	l.records = append(l.records, record)
	if l.writing {
		return // the goroutine that is writing goes on with it
	}
	l.writing = true
	for len(l.records) > 0 {
		next := l.records[0]
		l.records = l.records[1:]
		l.mu.Unlock()
		next()
		l.mu.Lock()
	}
	l.writing = false
}

// describe puts calls of one label and stack together, the most first.
func describe(calls []gil.StuckCall) string {
	type kind struct{ label, stack string }
	count, longest := map[kind]int{}, map[kind]time.Duration{}
	for _, c := range calls {
		k := kind{c.Label, c.Stack}
		count[k]++
		longest[k] = max(longest[k], c.For)
	}
	kinds := slices.SortedFunc(maps.Keys(count), func(a, b kind) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a.label, b.label), strings.Compare(a.stack, b.stack))
	})
	var text strings.Builder
	for i, k := range kinds {
		if i == stallKinds {
			fmt.Fprintf(&text, "and %d others\n", len(kinds)-i)
			break
		}
		fmt.Fprintf(&text, "%d × %s, for up to %v\n", count[k], k.label, longest[k].Round(time.Millisecond))
		if k.stack != "" {
			fmt.Fprintln(&text, k.stack)
		}
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// counted is labels with how often each occurs.
func counted(labels []string) string {
	count := map[string]int{}
	for _, l := range labels {
		count[l]++
	}
	parts := make([]string, 0, len(count))
	for _, l := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d × %s", count[l], l))
	}
	return strings.Join(parts, ", ")
}
