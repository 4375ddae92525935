package pyworker

import (
	"maps"
	"slices"

	"github.com/gopyrpc/gopyrpc/agent"
)

// namedPeers returns the names in a worker's Policy and Budgets that are not names of guests, sorted.
func namedPeers(config Config) []string {
	named := map[string]bool{}
	if config.Policy != nil {
		for name := range config.Policy.Workers {
			named[name] = true
		}
	}
	for name := range config.Budgets {
		named[name] = true
	}
	for _, guest := range config.Guests {
		delete(named, guest)
	}
	return slices.Sorted(maps.Keys(named))
}

// warnOfUnknown logs the names of the Policy and of the Budgets that no worker of the group has. The group must be known.
// A misspelt name in a budget leaves the worker that was meant without a budget.
func (w *Worker) warnOfUnknown() {
	if w.grows {
		return // they may come
	}
	members := w.agent.Workers()
	for _, name := range w.named {
		if !slices.ContainsFunc(members, func(m agent.Worker) bool { return m.Name == name }) {
			w.refusals.log.Warn("pyworker: a list or a limit (Config.Policy, Config.Budgets; --allow, --max-...) names a peer that the group does not have, and binds nobody",
				"name", name)
		}
	}
}
