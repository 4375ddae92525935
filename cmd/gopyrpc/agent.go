package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// serving are the flags of gopyrpc agent.
type serving struct {
	agentFlags
	name        string
	peers       []string
	rank, world int
	coordinator string

	permits, maxAbandoned int // below zero for the defaults
}

func agentCommand(c *common) *cobra.Command {
	s := &serving{}
	cmd := &cobra.Command{
		Use:   "agent --name NAME [--listen HOST:PORT] [--peer NAME=HOST:PORT]...",
		Short: "Serve Python functions to other workers",
		Long: `agent runs a worker: it serves calls of Python functions until it is stopped by SIGINT or SIGTERM,
and then ends what it does and leaves. The group is what --peer names, or whoever meets at the
--coordinator; with a name (w0=HOST:PORT) no other worker is taken for that. It listens on the loopback
interface unless --listen says otherwise, and elsewhere wants TLS with a CA, or TLS and a token: whoever can
call can run code. What functions print is written line by line, also where standard output is a pipe or a file.`,
		Example: "  gopyrpc agent --name w0 --listen 127.0.0.1:29500\n" +
			"  gopyrpc call --peer w0=127.0.0.1:29500 w0 math:hypot 3 4\n" +
			"  gopyrpc agent --name w1 --peer w0=127.0.0.1:29500 --allow math --allow w0=mymodule.*",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd, s) },
	}
	s.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.name, "name", "", "this worker's `name`")
	flags.StringArrayVar(&s.peers, "peer", nil, "another worker, as `name=host:port`; may be repeated (default: "+peersVariable+")")
	flags.StringVar(&s.coordinator, "coordinator", "", "`[name=]host:port` of the worker of rank 0, where the group meets")
	flags.IntVar(&s.rank, "rank", -1, "this worker's `rank`, with --coordinator; 0 is the coordinator itself")
	flags.IntVar(&s.world, "world-size", 0, "how many `workers` the group has, with --coordinator")
	flags.IntVar(&s.permits, "permits", -1, "how many `calls` may be in Python at once")
	flags.IntVar(&s.maxAbandoned, "max-abandoned", -1, "how many `calls` more may go on in C code after their deadline, each on a thread")
	// What the help says of the numbers that stand for "not given".
	flags.Lookup("permits").DefValue, flags.Lookup("max-abandoned").DefValue = "64", "256"
	flags.Lookup("rank").DefValue = "0" // nothing is said of zero
	flags.DurationVar(&s.timeout, "timeout", pyworker.DefaultTimeout, "`time` for calls that functions make, where they give none; negative for no end")
	return cmd
}

// config is what the flags say about the group.
func (s *serving) config(c *common, cmd *cobra.Command) (pyworker.Config, error) {
	config, err := s.agentFlags.config(c, cmd)
	if err != nil {
		return config, err
	}
	if s.name == "" {
		return config, &usageError{errors.New("--name is missing: under which name do the others know this worker?")}
	}
	config.Name = s.name
	peers, err := parsePeers(s.peers)
	if err != nil {
		return config, err
	}
	switch {
	case s.coordinator == "" && (s.world != 0 || s.rank >= 0):
		return config, &usageError{fmt.Errorf("--rank and --world-size go with --coordinator")}
	case s.coordinator == "":
		config.Rank, config.Peers = ranked(s.name, peers)
	case len(s.peers) > 0:
		return config, &usageError{fmt.Errorf("--peer and --coordinator exclude each other: the group is named, or meets")}
	case s.world < 1:
		return config, &usageError{fmt.Errorf("--world-size is missing: how many workers does the group have?")}
	}
	return config, s.meeting(&config)
}

// meeting is what the flags say of a group that meets.
func (s *serving) meeting(config *pyworker.Config) error {
	if s.coordinator == "" {
		return nil
	}
	name, address, named := strings.Cut(s.coordinator, "=")
	if !named {
		name, address = "", s.coordinator
	}
	if named && name == "" { // a variable that is empty, say, by which any worker would be taken for it
		return &usageError{fmt.Errorf("--coordinator %q has no name before the equals sign: give the coordinator's, or host:port alone", s.coordinator)}
	}
	if named && s.rank == 0 && name != s.name {
		return &usageError{fmt.Errorf("--coordinator names worker %s, and this one is it by its --rank 0, and is named %s", name, s.name)}
	}
	config.Rank = s.rank
	config.Rendezvous = &agent.Rendezvous{Address: address, Name: name, WorldSize: s.world, Host: s.rank == 0}
	if s.rank == 0 && config.Listen == "" {
		config.Listen = address
	}
	return nil
}

func (c *common) serve(cmd *cobra.Command, s *serving) error {
	config, err := s.config(c, cmd)
	if err != nil {
		return err
	}
	return c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		if err := gil.With(ctx, func(t gil.Token) error { return writeLines(t, rt) }); err != nil {
			return err
		}
		config.Children = childrenFolder()
		w, err := pyworker.New(ctx, rt, config)
		if err != nil {
			return err
		}
		served := make(chan error, 1)
		go func() { served <- w.Serve() }()
		cmd.PrintErrf("gopyrpc: worker %s listens on %s\n", s.name, w.Agent().Addr())
		if config.Rendezvous != nil {
			cmd.PrintErrf("gopyrpc: worker %s waits for the group of %d to meet at %s\n", s.name, s.world, s.coordinator)
		}
		if err := w.WaitReady(ctx); err == nil && config.Rendezvous != nil {
			cmd.PrintErrf("gopyrpc: the group of %d is complete\n", len(w.Agent().Workers()))
		}
		select {
		case err := <-served:
			return err
		case <-ctx.Done(): // the join that follows shuts the agent down
			return context.Cause(ctx)
		}
	}, s.options(config)...)
}

// options are for the worker's Python, which logs what the agent does: that it serves no peer, say.
func (s *serving) options(config pyworker.Config) []pybridge.Option {
	opts := []pybridge.Option{pybridge.WithLogger(config.Logger)}
	if s.permits >= 0 {
		opts = append(opts, pybridge.WithPermits(s.permits))
	}
	if s.maxAbandoned >= 0 {
		opts = append(opts, pybridge.WithMaxAbandoned(s.maxAbandoned))
	}
	return opts
}
