package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// Target is what the settings are put into.
type Target struct {
	Agent   *agent.Config
	Budget  *budget.Limits
	Budgets map[string]budget.Limits // of single peers, by name
	Level   slog.Level

	PrintFailures bool
}

func onAgent(set func(*agent.Config, string)) func(*Target, string) error {
	return func(t *Target, text string) error {
		set(t.Agent, text)
		return nil
	}
}

func onTLS(set func(*agent.TLS, string)) func(*Target, string) error {
	return onAgent(func(c *agent.Config, text string) {
		if c.TLS == nil {
			c.TLS = &agent.TLS{}
		}
		set(c.TLS, text)
	})
}

func onToken(set func(*agent.Token, string)) func(*Target, string) error {
	return onAgent(func(c *agent.Config, text string) {
		if c.Token == nil {
			c.Token = &agent.Token{}
		}
		set(c.Token, text)
	})
}

func asSwitch(set func(*Target, bool)) func(*Target, string) error {
	return func(t *Target, text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("expected 1 or 0, true or false")
		}
		set(t, on)
		return nil
	}
}

func asSize(set func(*Target, int64)) func(*Target, string) error {
	return func(t *Target, text string) error {
		n, err := ParseSize(text)
		if err == nil {
			set(t, n)
		}
		return err
	}
}

func asDuration(set func(*Target, time.Duration)) func(*Target, string) error {
	return func(t *Target, text string) error {
		d, err := durationOf(text)
		if err == nil {
			set(t, d)
		}
		return err
	}
}

// each reads a value that is everybody's, or that of the worker before the equals sign.
func each[T int | int64 | time.Duration](parse func(string) (T, error), put func(*budget.Limits, T)) func(*Target, string) error {
	return func(t *Target, text string) error {
		worker, value, named := strings.Cut(text, "=")
		if !named {
			value = text
		}
		v, err := parse(value)
		if err != nil {
			return err
		}
		if v <= 0 || named && worker == "" {
			return errors.New("expected a value above zero, or worker=value")
		}
		if !named {
			put(t.Budget, v)
			return nil
		}
		limits := t.Budgets[worker]
		put(&limits, v)
		t.Budgets[worker] = limits
		return nil
	}
}

// putAllow adds an entry to the policy. What everybody may call is added to the lists of single workers by
// [Target.complete].
func putAllow(t *Target, text string) error {
	allowNone(t)
	p := t.Agent.Policy
	worker, entry, named := strings.Cut(text, "=")
	if !named {
		p.Default = append(p.Default, text)
		return nil
	}
	if worker == "" || entry == "" {
		return errors.New("expected an entry, or worker=entry")
	}
	p.Workers[worker] = append(p.Workers[worker], entry)
	return nil
}

// allowNone makes a policy by which nothing may be called, unless there is one.
func allowNone(t *Target) {
	if t.Agent.Policy == nil {
		t.Agent.Policy = &agent.Policy{Default: []string{}, Workers: map[string][]string{}}
	}
}

// complete lets the workers that have entries of their own call what everybody may.
func (t *Target) complete() {
	if p := t.Agent.Policy; p != nil {
		for worker, entries := range p.Workers {
			p.Workers[worker] = slices.Concat(entries, p.Default)
		}
	}
}

func putLevel(t *Target, text string) error {
	if err := t.Level.UnmarshalText([]byte(text)); err != nil {
		return errors.New("expected debug, info, warn or error")
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
		return 0, fmt.Errorf("expected a duration, such as 500ms, 30s or 2m")
	}
	return d, nil
}
