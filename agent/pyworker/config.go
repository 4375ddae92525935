package pyworker

import (
	"io"
	"log/slog"

	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
)

// FromSettings makes a Config of what was said of a worker, whose agent then logs to log.
func FromSettings(said settings.Values, log io.Writer) (Config, error) {
	return config(said, log, false)
}

func config(said settings.Values, log io.Writer, printFailures bool) (Config, error) {
	config := Config{Budgets: map[string]budget.Limits{}}
	t := settings.Target{
		Agent: &config.Config, Budget: &config.Budget, Budgets: config.Budgets, Level: slog.LevelWarn, PrintFailures: printFailures,
	}
	err := said.Apply(&t)
	config.PrintFailures = t.PrintFailures
	config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: t.Level}))
	return config, err
}
