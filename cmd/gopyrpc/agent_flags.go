package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
)

// guestName is under which gopyrpc call comes, unless it says otherwise.
const guestName = "cli"

// peersVariable names the peers where no flag does.
const peersVariable = "GOPYRPC_PEERS"

// agentFlags are those of the settings of a worker: a program that calls init_rpc leaves to its user which peers may come in,
// and what is allowed. What no flag says, the environment may.
type agentFlags struct {
	timeout time.Duration
	calls   bool // and has no callers: it may have a token and no certificate
}

// identity are the flags by which both sides of a connection prove who they are.
func (f *agentFlags) identity(cmd *cobra.Command) {
	for _, s := range settings.All() {
		if s.Identity {
			addSetting(cmd.Flags(), s)
		}
	}
}

func (f *agentFlags) add(cmd *cobra.Command) {
	for _, s := range settings.All() {
		addSetting(cmd.Flags(), s)
	}
}

// addSetting makes the flag of a setting.
func addSetting(flags *pflag.FlagSet, s *settings.Setting) {
	switch {
	case s.Secret: // has none
	case s.Kind == settings.Switch:
		flags.Bool(s.Name, false, s.Usage)
	case s.Kind == settings.List:
		flags.StringArray(s.Name, s.Default, s.Usage)
	default:
		flags.String(s.Name, "", s.Usage)
	}
}

// said is what the flags say, and where they say nothing, the variables of the same settings.
func (f *agentFlags) said(c *common, flags *pflag.FlagSet) settings.Values {
	var given settings.Values
	theirs := map[string]bool{}
	for _, s := range settings.All() {
		flag := flags.Lookup(s.Name)
		theirs[s.Variable()] = flag != nil || s.Secret
		if flag == nil || !flag.Changed {
			continue
		}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			given.Set(settings.Flag, s.Name, list.GetSlice()...)
		} else {
			given.Set(settings.Flag, s.Name, flag.Value.String())
		}
	}
	if c.verbose && !given.Has("log-level") {
		given.Set(settings.Flag, "log-level", "debug")
	}
	return settings.FromEnvironment(func(variable string) (string, bool) {
		if !theirs[variable] {
			return "", false
		}
		return os.LookupEnv(variable)
	}).With(given)
}

// variableNames are those of the environment.
func variableNames() []string {
	names := os.Environ()
	for i, variable := range names {
		names[i], _, _ = strings.Cut(variable, "=")
	}
	return names
}

// config is what the settings say; the name, the rank and the peers are the caller's.
func (f *agentFlags) config(c *common, cmd *cobra.Command) (pyworker.Config, error) {
	said := f.said(c, cmd.Flags())
	config, err := pyworker.FromSettings(said, cmd.ErrOrStderr())
	config.Timeout = f.timeout
	if err == nil {
		err = said.CheckIdentity(f.calls)
	}
	if err == nil {
		err = settings.Misspelt(variableNames())
	}
	if err != nil {
		return config, &usageError{err}
	}
	return config, nil
}

// parsePeers reads name=host:port, and gives ranks in the order of the names.
func parsePeers(texts []string) ([]agent.Worker, error) {
	if len(texts) == 0 {
		texts = strings.FieldsFunc(os.Getenv(peersVariable), func(r rune) bool { return r == ',' || r == ' ' })
	}
	var peers []agent.Worker
	for _, text := range texts {
		name, address, ok := strings.Cut(text, "=")
		if _, _, err := net.SplitHostPort(address); !ok || name == "" || err != nil {
			return nil, &usageError{fmt.Errorf("peer %q is not of the form name=host:port, such as w1=127.0.0.1:29501", text)}
		}
		peers = append(peers, agent.Worker{Name: name, Address: address})
	}
	return peers, nil
}

// ranked gives every worker of a static group its rank: its place among all names, which is the same
// for each of them.
func ranked(self string, peers []agent.Worker) (rank int, others []agent.Worker) {
	names := []string{self}
	for _, p := range peers {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, p := range peers {
		p.Rank = slices.Index(names, p.Name)
		if p.Name != self {
			others = append(others, p)
		}
	}
	return slices.Index(names, self), others
}
