package settings

import (
	"strings"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// variablePrefix begins the names of the variables.
const variablePrefix = "GOPYRPC_"

// Kind is what a setting's value is.
type Kind int

const (
	Text Kind = iota
	Switch
	List     // of texts, of which each is one value
	Duration // such as 30s
	Size     // a number of bytes, such as 64MiB
)

// Setting is a row of the table.
type Setting struct {
	Name string // of its flag, without the dashes
	Kind Kind
	// Usage is for the flag's help, with the value in backquotes.
	Usage   string
	Default []string
	// Secret is what no flag says, since every user of a machine sees the command lines of all.
	Secret bool
	// Identity is what both sides of a connection prove who they are by: gopyrpc call has it too.
	Identity bool
	// Fields are those of agent.Config that it sets, as [agent.ConfigError] names them.
	Fields []string

	put     func(*Target, string) error
	putNone func(*Target) // of a list that was said to be empty, where that is not the same as nothing said
}

// table has every setting, in the order of the documents.
var table = []Setting{
	{
		Name: "tls-cert", Identity: true, Fields: []string{"TLS.Cert"}, put: onTLS(func(t *agent.TLS, v string) { t.Cert = v }),
		Usage: "`file` with this worker's certificate (PEM), read again when it changes",
	},
	{
		Name: "tls-key", Identity: true, put: onTLS(func(t *agent.TLS, v string) { t.Key = v }),
		Usage: "`file` with the certificate's key (PEM)",
	},
	{
		Name: "tls-ca", Identity: true, Fields: []string{"TLS.CA"}, put: onTLS(func(t *agent.TLS, v string) { t.CA = v }),
		Usage: "`file` with the roots of the peers' certificates (PEM)",
	},
	{
		Name: "token-file", Identity: true, Fields: []string{"Token", "Token.File"}, put: onToken(func(t *agent.Token, v string) { t.File = v }),
		Usage: "`file` with a shared secret, or a token for this name (gopyrpc token); needs TLS off loopback",
	},
	{
		Name: "token", Identity: true, Secret: true, put: onToken(func(t *agent.Token, v string) { t.Value = v }),
		Usage: "the `token` itself, where there is no file with it",
	},
	{
		Name: "listen", Fields: []string{"Listen"}, put: onAgent(func(c *agent.Config, v string) { c.Listen = v }),
		Usage: "`host:port` to listen on (default: a free port that only this machine reaches)",
	},
	{
		Name: "advertise", Fields: []string{"Advertise"}, put: onAgent(func(c *agent.Config, v string) { c.Advertise = v }),
		Usage: "`host:port` under which peers reach this worker, where that is not what it listens on",
	},
	{
		Name: "insecure", Kind: Switch, put: asSwitch(func(t *Target, on bool) { t.Agent.Insecure = on }),
		Usage: "let anybody in who reaches this worker, and run what they send (INSECURE)",
	},
	{
		Name: "allow", Kind: List, Fields: []string{"Policy"}, put: putAllow, putNone: allowNone,
		Usage: "`entry` that all may call, or worker=entry that one may call and reply; see handler.WithAllow",
	},
	{
		Name: "guest", Kind: List, Default: []string{"cli"}, Fields: []string{"Guests"}, put: onAgent(func(c *agent.Config, v string) { c.Guests = append(c.Guests, v) }),
		Usage: "`name` under which programs outside the group may call; may be repeated",
	},
	{
		Name: "max-message", Kind: Size, put: asSize(func(t *Target, n int64) { t.Agent.Limits.MaxMessage = n }),
		Usage: "largest request or reply in `bytes`, as in 64MiB (default 1GiB)",
	},
	{
		Name: "max-call-time", Kind: List, put: each(durationOf, func(l *budget.Limits, d time.Duration) { l.PerCall = d }),
		Usage: "`duration` for which Python may run for a peer's call, or worker=duration (default: for ever)",
	},
	{
		Name: "max-minute-time", Kind: List, put: each(durationOf, func(l *budget.Limits, d time.Duration) { l.PerMinute = d }),
		Usage: "`duration` for which Python may run for a peer in a minute, or worker=duration (default: for ever)",
	},
	{
		Name: "max-result", Kind: List, put: each(ParseSize, func(l *budget.Limits, n int64) { l.Result = n }),
		Usage: "largest result of a peer in `bytes`, or worker=bytes, as in 64MiB (default: as --max-message)",
	},
	{
		Name: "max-calls", Kind: List, put: each(numberOf, func(l *budget.Limits, n int) { l.Calls = n }),
		Usage: "`number` of calls of a peer that may be in progress, or worker=number (default: 16384 on a connection)",
	},
	{
		Name: "rref-lease", Kind: Duration, Fields: []string{"RRefLease"}, put: asDuration(func(t *Target, d time.Duration) { t.Agent.RRefLease = d }),
		Usage: "`silence` after which a worker is taken for dead and its RRefs are released (default 10m)",
	},
	{
		Name: "log-level", put: putLevel,
		Usage: "how much the agent logs: `level` debug, info, warn or error (default warn)",
	},
	{
		Name: "print-failures", Kind: Switch, put: asSwitch(func(t *Target, on bool) { t.PrintFailures = on }),
		Usage: "print the traceback of what a function raises on this worker (Python programs: default)",
	},
}

// All returns the settings, in the order of the documents.
func All() []*Setting {
	all := make([]*Setting, len(table))
	for i := range table {
		all[i] = &table[i]
	}
	return all
}

// Of returns the setting with that name, nil if there is none.
func Of(name string) *Setting {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}

// Flag is how the command spells it.
func (s *Setting) Flag() string { return "--" + s.Name }

// Variable is how the environment spells it.
func (s *Setting) Variable() string { return variablePrefix + strings.ToUpper(s.Option()) }

// Option is how Python spells it, as a field of RpcBackendOptions.
func (s *Setting) Option() string { return strings.ReplaceAll(s.Name, "-", "_") }
