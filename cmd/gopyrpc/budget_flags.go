package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// budgetFlags say what each peer may have, or one: "[worker=]value".
type budgetFlags struct {
	callTimes, minuteTimes, results, calls []string
}

func (f *budgetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.callTimes, "max-call-time", nil, "`duration` for which Python may run for a peer's call, or worker=duration (default: for ever)")
	flags.StringArrayVar(&f.minuteTimes, "max-minute-time", nil, "`duration` for which Python may run for a peer in a minute, or worker=duration (default: for ever)")
	flags.StringArrayVar(&f.results, "max-result", nil, "largest result of a peer in `bytes`, or worker=bytes, as in 64MiB (default: as --max-message)")
	flags.StringArrayVar(&f.calls, "max-calls", nil, "`number` of calls of a peer that may be in progress, or worker=number (default: 16384 on a connection)")
}

// set puts what the flags say into a configuration.
func (f *budgetFlags) set(config *pyworker.Config) error {
	config.Budgets = map[string]budget.Limits{}
	return errors.Join(
		eachBudget(config, "--max-call-time", f.callTimes, durationOf, func(l *budget.Limits, d time.Duration) { l.PerCall = d }),
		eachBudget(config, "--max-minute-time", f.minuteTimes, durationOf, func(l *budget.Limits, d time.Duration) { l.PerMinute = d }),
		eachBudget(config, "--max-result", f.results, bytesOf, func(l *budget.Limits, n int64) { l.Result = n }),
		eachBudget(config, "--max-calls", f.calls, numberOf, func(l *budget.Limits, n int) { l.Calls = n }),
	)
}

// eachBudget reads a flag's values, each for everybody or for the worker before the equals sign.
func eachBudget[T int | int64 | time.Duration](config *pyworker.Config, flag string, values []string, parse func(string) (T, error),
	put func(*budget.Limits, T)) error {
	for _, text := range values {
		worker, value, named := strings.Cut(text, "=")
		if !named {
			value = text
		}
		v, err := parse(value)
		if err != nil {
			return &usageError{fmt.Errorf("%s %q: %w", flag, text, err)}
		}
		if v <= 0 || named && worker == "" {
			return &usageError{fmt.Errorf("%s %q: expected a value above zero, or worker=value", flag, text)}
		}
		if !named {
			put(&config.Budget, v)
			continue
		}
		limits := config.Budgets[worker]
		put(&limits, v)
		config.Budgets[worker] = limits
	}
	return nil
}

func numberOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errors.New("expected a whole number, such as 100")
	}
	return n, nil
}

func durationOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("expected a duration, such as 500ms, 30s or 2m")
	}
	return d, nil
}

func bytesOf(text string) (int64, error) {
	var n byteSize
	err := n.Set(text)
	return int64(n), err
}
