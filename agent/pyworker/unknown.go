package pyworker

import (
	"maps"
	"slices"

	"github.com/gopyrpc/gopyrpc/agent"
)

// namedPeers are the names that a worker's Policy and Budgets say something of, but for those of its guests, sorted.
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

// warnOfUnknown says in the log which names of the Policy and of the Budgets nobody has, once the group is known. A
// misspelt name in a budget leaves the worker that was meant without one.
func (w *Worker) warnOfUnknown() {
	members := w.agent.Workers()
	for _, name := range w.named {
		if !slices.ContainsFunc(members, func(m agent.Worker) bool { return m.Name == name }) {
			w.refusals.log.Warn("pyworker: a list or a limit (Config.Policy, Config.Budgets; --allow, --max-...) names a peer that the group does not have, and binds nobody",
				"name", name)
		}
	}
}
