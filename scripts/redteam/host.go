package main

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// host says how an attack is made on a real agent, gopyrpc agent in a process of its own, by peers that speak the wire or
// by a second worker.
type host struct {
	flags   []string // of the agent that is attacked; restrictedFlags where nil
	open    []string // of the control's agent, none where nil
	attack  func(s *site) (said string, err error)
	control func(s *site) (said string, err error) // attack where nil
	as      string                                 // instead of a control: the row with this name has the control
}

// restrictedFlags are the flags of an agent that lets everybody name what victim defines, and reads replies of w1 by that list, too.
var restrictedFlags = []string{"--allow", "victim", "--allow", "w1=victim"}

func (h *host) restricted() []string {
	if h.flags == nil {
		return restrictedFlags
	}
	return h.flags
}

// onAgents makes the attacks on agents. Attacks with the same flags have one agent, as long as that agent lives, and each
// control has an agent of its own.
func (r *runner) onAgents(ctx context.Context, chosen []attack) {
	shared := map[string][]attack{}
	var tasks []func()
	for _, a := range chosen {
		if a.host == nil {
			continue
		}
		key := strings.Join(a.host.restricted(), " ")
		shared[key] = append(shared[key], a)
	}
	for _, group := range shared {
		tasks = append(tasks, func() { r.attackAgent(ctx, group) })
	}
	open := map[string][]attack{}
	for _, a := range chosen {
		if a.host != nil && a.host.as == "" && a.inert == "" {
			key := strings.Join(a.host.open, " ")
			open[key] = append(open[key], a)
		}
	}
	for _, group := range open {
		tasks = append(tasks, func() { r.controlAgent(ctx, group) })
	}
	r.inParallel(tasks)
	for _, a := range chosen {
		if a.host != nil && a.host.as != "" {
			if other := r.of(a.host.as); other != nil {
				r.of(a.name).control = other.control
			}
		}
	}
}

func (r *runner) attackAgent(ctx context.Context, group []attack) {
	r.onSites(ctx, group[0].host.restricted(), group, func(a attack, e ending) { r.of(a.name).attack = e },
		func(a attack, s *site) (string, error) { return a.host.attack(s) })
}

func (r *runner) controlAgent(ctx context.Context, group []attack) {
	r.onSites(ctx, group[0].host.open, group, func(a attack, e ending) { r.of(a.name).control = e },
		func(a attack, s *site) (string, error) {
			if a.host.control != nil {
				return a.host.control(s)
			}
			return a.host.attack(s)
		})
}

// onSites makes attacks one after the other. After an attack that has worked it makes a new site.
func (r *runner) onSites(ctx context.Context, flags []string, group []attack, tell func(attack, ending), do func(attack, *site) (string, error)) {
	var s *site
	defer func() { s.close() }()
	for _, a := range group {
		if s == nil {
			var err error
			if s, err = r.newSite(ctx, flags); err != nil {
				tell(a, ending{event{Name: a.name, Skip: "no agent: " + err.Error()}, true})
				continue
			}
		}
		e := s.suffer(a, func() (string, error) { return do(a, s) })
		tell(a, e)
		if len(e.Fired) > 0 {
			s.close()
			s = nil
		}
	}
}

// withRow adds the row that has the control of a chosen row, where that row is not chosen itself.
func withRow(chosen, all []attack) []attack {
	names := map[string]bool{}
	for _, a := range chosen {
		names[a.name] = true
	}
	for _, a := range chosen {
		if a.host == nil || a.host.as == "" || names[a.host.as] {
			continue
		}
		if i := slices.IndexFunc(all, func(b attack) bool { return b.name == a.host.as }); i >= 0 {
			names[a.host.as] = true
			chosen = append(chosen, all[i])
		}
	}
	return chosen
}

var errNoCommand = errors.New("no command gopyrpc is given (-gopyrpc)")
