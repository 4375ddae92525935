package agent

import "fmt"

// Rendezvous is how a group finds together: every worker is given the address of one of them, the
// coordinator, who waits for all and then tells each who and where the others are.
type Rendezvous struct {
	Address   string // of the coordinator
	Name      string // the coordinator's worker name, where it is known: its certificate must be for it
	WorldSize int    // how many workers the group has
	Host      bool   // this agent is the coordinator
}

func (r *Rendezvous) check() error {
	if r.WorldSize < 1 {
		return fmt.Errorf("agent: Rendezvous.WorldSize is %d: the group has at least this worker", r.WorldSize)
	}
	if r.Address == "" && !r.Host {
		return fmt.Errorf("agent: Rendezvous.Address is missing: where is the coordinator?")
	}
	return nil
}

func (a *Agent) findGroup() {}
