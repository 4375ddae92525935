package pyworker

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
)

// narrowed is what a Go program allows, restricted by the options of a Python program in it. An option that would loosen it
// is refused.
func narrowed(config Config, options settings.Values) (Config, error) {
	asked, err := FromSettings(options, io.Discard)
	if err != nil {
		return config, err
	}
	if err := options.CheckIdentity(false); err != nil {
		return config, err
	}
	for _, name := range options.Names() {
		rule, known := narrowing[name]
		if !known || !rule(&config, &asked) {
			return config, fmt.Errorf("%s the Go program that this Python is in has settled that, and options can only restrict it further", options.Spelling(name))
		}
	}
	return config, nil
}

// narrowing has for each setting what takes an option over. It returns false where the option would loosen the config.
var narrowing = map[string]func(config, asked *Config) bool{
	"tls-cert": takeTLS, "tls-key": takeTLS, "tls-ca": takeTLS,
	"token-file": takeToken, "token": takeToken,
	"listen": func(c, asked *Config) bool {
		return c.Listener == nil && takeText(&c.Listen, asked.Listen)
	},
	"advertise": func(c, asked *Config) bool { return takeText(&c.Advertise, asked.Advertise) },
	"print-failures": func(c, asked *Config) bool {
		c.PrintFailures = asked.PrintFailures
		return true
	},
	"insecure": func(c, asked *Config) bool {
		allowed := c.Insecure || !asked.Insecure
		c.Insecure = c.Insecure && asked.Insecure
		return allowed
	},
	"allow": func(c, asked *Config) bool {
		if c.Policy != nil {
			return false
		}
		c.Policy = asked.Policy
		return true
	},
	"guest": func(c, asked *Config) bool {
		for _, name := range asked.Guests {
			if !slices.Contains(c.Guests, name) {
				return false
			}
		}
		c.Guests = asked.Guests
		return true
	},
	"max-message": func(c, asked *Config) bool {
		before, wanted := maxMessage(c), maxMessage(asked)
		c.Limits.MaxMessage = wanted
		return wanted <= before
	},
	"max-call-time": takeBudget, "max-minute-time": takeBudget, "max-result": takeBudget, "max-calls": takeBudget,
	"rref-lease": func(c, asked *Config) bool {
		if c.RRefLease != 0 {
			return false
		}
		c.RRefLease = asked.RRefLease
		return true
	},
}

func maxMessage(c *Config) int64 {
	if c.Limits.MaxMessage <= 0 {
		return agent.DefaultMaxMessage
	}
	return c.Limits.MaxMessage
}

func takeTLS(c, asked *Config) bool {
	if c.TLS != nil && c.TLS != asked.TLS {
		return false
	}
	c.TLS = asked.TLS
	return true
}

func takeToken(c, asked *Config) bool {
	if c.Token != nil && c.Token != asked.Token {
		return false
	}
	c.Token = asked.Token
	return true
}

func takeText(to *string, text string) bool {
	if *to != "" {
		return false
	}
	*to = text
	return true
}

// takeBudget takes over limits that are no larger than those that there are, for every peer.
func takeBudget(c, asked *Config) bool {
	merged := map[string]budget.Limits{}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(c.Budgets)), slices.Collect(maps.Keys(asked.Budgets))) {
		wanted := asked.Budgets[name].Or(asked.Budget)
		before := c.Budgets[name].Or(c.Budget)
		if !wanted.Within(before) {
			return false
		}
		merged[name] = wanted.Or(before)
	}
	if !asked.Budget.Within(c.Budget) {
		return false
	}
	c.Budget, c.Budgets = asked.Budget.Or(c.Budget), merged
	return true
}
