package membership

import (
	"context"
	"log/slog"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Remote is a coordinator at another worker.
type Remote struct {
	Address string
	Log     *slog.Logger
	// Ask waits there until the group is complete.
	Ask func(ctx context.Context) (*agentpb.Group, error)
	// Passing says whether an error of Ask may be gone the next time.
	Passing func(error) bool
	// Backoff is how long to wait after so many failures.
	Backoff func(failures int) time.Duration
}

// Join asks until the coordinator has answered, with the group or with a refusal, or ctx ends.
func (r *Remote) Join(ctx context.Context) (*agentpb.Group, error) {
	remind := newReminder()
	for attempt := 1; ; attempt++ {
		waiting := time.AfterFunc(ReminderInterval, func() {
			r.Log.Warn("agent: still waiting for the group; the coordinator says who is missing", "coordinator", r.Address)
		})
		g, err := r.Ask(ctx)
		waiting.Stop()
		if err == nil || ctx.Err() != nil || !r.Passing(err) {
			return g, err
		}
		level := slog.LevelInfo
		if remind.due() {
			level = slog.LevelWarn
		}
		r.Log.Log(ctx, level, "agent: waiting for the coordinator", "coordinator", r.Address, "attempt", attempt, "err", err)
		if err := backoff.Wait(ctx, r.Backoff(attempt)); err != nil {
			return nil, err
		}
	}
}
