package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

// close releases all values, and reports those that someone still used.
func (t *rrefs) close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	all := t.owned
	t.owned = map[rrefID]*owned{}
	if t.checks != nil {
		t.checks.Stop()
	}
	var values []Value
	for _, o := range all {
		if len(o.forks) > 0 {
			cleanup.ReportLeak(ctx, cleanup.Leak{Name: "agent " + t.agent.config.Name + ": " + o.leak(), Count: 1})
		}
		if o.pins > 0 && o.value != nil {
			o.late = true
		} else if !o.running && o.value != nil {
			values = append(values, o.value)
		}
	}
	children := maps.Clone(t.children)
	t.mu.Unlock()
	for fork, parent := range children { // without the table's lock: a parent's comes before it
		c, _ := parent.child(fork)
		cleanup.ReportLeak(ctx, cleanup.Leak{Count: 1, Name: fmt.Sprintf("agent %s: fork %v of %v, given to %v and never adopted",
			t.agent.config.Name, fork, parent, c.hold)})
	}
	for _, v := range values {
		v.Release()
	}
	cleanup.ReportReleased(ctx, "RRef values", len(values))
	return nil
}

// leak names a value that is still used, and by whom.
func (o *owned) leak() string {
	users := make([]string, 0, len(o.forks))
	for fork, u := range o.forks {
		users = append(users, fmt.Sprintf("%v by fork %v", u.hold, fork))
	}
	slices.Sort(users)
	return fmt.Sprintf("RRef %v, used by %s", o.id, strings.Join(users, ", "))
}
