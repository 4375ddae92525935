package main

import "context"

// host is how an attack is made on an agent.
type host struct{}

// onAgents makes the attacks on agents.
func (r *runner) onAgents(context.Context, []attack) {}
