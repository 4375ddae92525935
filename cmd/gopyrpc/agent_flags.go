package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
)

// guestName is under which gopyrpc call comes, unless it says otherwise.
const guestName = "cli"

// peersVariable names the peers where no flag does.
const peersVariable = "GOPYRPC_PEERS"

// agentFlags say which peers may come in and what is allowed: a program that calls init_rpc leaves that to its
// user.
type agentFlags struct {
	listen, advertise string
	cert, key, ca     string
	tokenFile         string
	insecure          bool
	allow, guests     []string
	timeout           time.Duration
	maxMessage        byteSize
	budgets           budgetFlags
	lease             time.Duration
	calls             bool // and has no callers: it may have a token and no certificate
}

// identity are the flags by which both sides of a connection prove who they are.
func (f *agentFlags) identity(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.cert, "tls-cert", "", "`file` with this worker's certificate (PEM), read again when it changes")
	flags.StringVar(&f.key, "tls-key", "", "`file` with the certificate's key (PEM)")
	flags.StringVar(&f.ca, "tls-ca", "", "`file` with the roots of the peers' certificates (PEM)")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with a shared secret, or a token for this name (gopyrpc token); needs TLS off loopback")
}

// checkCertificate finds TLS without the certificate that it needs.
func (f *agentFlags) checkCertificate() error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return &usageError{errors.New("--tls-cert and --tls-key go together")}
	case f.ca == "" || f.cert != "":
	case !f.calls:
		return &usageError{errors.New("--tls-cert and --tls-key are missing: they are what this worker shows to those who call it")}
	case f.tokenFile == "":
		return &usageError{errors.New("--tls-ca proves who is called, not who calls: give --tls-cert and --tls-key, or --token-file")}
	}
	return nil
}

func (f *agentFlags) add(cmd *cobra.Command) {
	f.identity(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "`host:port` to listen on (default: a free port that only this machine reaches)")
	flags.StringVar(&f.advertise, "advertise", "", "`host:port` under which peers reach this worker, where that is not what it listens on")
	flags.BoolVar(&f.insecure, "insecure", false, "let anybody in who reaches this worker, and run what they send (INSECURE)")
	flags.StringArrayVar(&f.allow, "allow", nil, "`entry` that all may call, or worker=entry that one may call and reply; see handler.WithAllow")
	flags.StringArrayVar(&f.guests, "guest", []string{guestName}, "`name` under which programs outside the group may call; may be repeated")
	flags.Var(&f.maxMessage, "max-message", "largest request or reply in `bytes`, as in 64MiB (default 1GiB)")
	f.budgets.add(cmd)
	flags.DurationVar(&f.lease, "rref-lease", 0, "`silence` after which a worker is taken for dead and its RRefs are released (default 10m)")
}

// config is what the flags say; the name, the rank and the peers are the caller's.
func (f *agentFlags) config(c *common, cmd *cobra.Command) (pyworker.Config, error) {
	config := pyworker.Config{Timeout: f.timeout}
	config.Listen, config.Advertise, config.Insecure = f.listen, f.advertise, f.insecure
	config.Limits.MaxMessage = int64(f.maxMessage)
	if err := f.budgets.set(&config); err != nil {
		return config, err
	}
	config.Guests = f.guests
	config.RRefLease = f.lease
	level := slog.LevelWarn
	if c.verbose {
		level = slog.LevelDebug
	}
	config.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	if err := f.checkCertificate(); err != nil {
		return config, err
	}
	if f.cert != "" || f.ca != "" {
		config.TLS = &agent.TLS{Cert: f.cert, Key: f.key, CA: f.ca}
	}
	if f.tokenFile != "" {
		config.Token = &agent.Token{File: f.tokenFile}
	}
	if len(f.allow) > 0 {
		p, err := policyOf(f.allow)
		if err != nil {
			return config, err
		}
		config.Policy = p
	}
	return config, nil
}

// policyOf makes a policy of entries, of which those with "worker=" before them are for one worker.
func policyOf(entries []string) (*agent.Policy, error) {
	p := &agent.Policy{Default: []string{}, Workers: map[string][]string{}}
	for _, text := range entries {
		if worker, entry, ok := strings.Cut(text, "="); ok {
			if worker == "" || entry == "" {
				return nil, &usageError{fmt.Errorf("--allow %q: expected an entry, or worker=entry", text)}
			}
			p.Workers[worker] = append(p.Workers[worker], entry)
		} else {
			p.Default = append(p.Default, text)
		}
	}
	for worker, entries := range p.Workers { // what everybody may, they may too
		p.Workers[worker] = slices.Concat(entries, p.Default)
	}
	return p, nil
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
