package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed victim.py attacker.py evil.py lazy.py sideeffect.py
var modules embed.FS

// lookalikes are names of modules with the same side effect, for attacks by a name that looks like another name.
var lookalikes = []string{"v\u0456ctim", "ｖｉｃｔｉｍ", "victim ", "victim\u200b", "Victim"}

// runner makes attacks.
type runner struct {
	options
	modules, payloads, secret string
	certs                     *certificates

	mu     sync.Mutex
	events map[string]*trial // by the attack's name, guarded by mu
}

// trial is what came of an attack, on the victim with the list and on the victim without.
type trial struct {
	attack, control ending
}

// ending is what a process said about an attack, or how the process ended.
type ending struct {
	event
	came bool
}

func (r *runner) all(ctx context.Context, asked []attack) ([]result, error) {
	chosen := withRow(asked, allAttacks())
	dir, err := os.MkdirTemp("", "redteam")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := r.prepare(dir); err != nil {
		return nil, err
	}
	r.events = map[string]*trial{}
	for _, a := range chosen {
		r.events[a.name] = &trial{}
	}
	if err := r.makePayloads(ctx, chosen); err != nil {
		return nil, err
	}
	var tasks []func()
	for _, group := range groups(chosen) {
		tasks = append(tasks, func() { r.attackGroup(ctx, group) })
	}
	for _, group := range controls(chosen) {
		tasks = append(tasks, func() { r.controlGroup(ctx, group) })
	}
	r.inParallel(tasks)
	r.onAgents(ctx, chosen)
	results := make([]result, len(asked))
	for i, a := range asked {
		results[i] = judge(a, r.events[a.name])
	}
	return results, nil
}

// twice makes the attacks. Attacks that took too long and did nothing else are made a second time, by themselves: the processor
// time of a computation is longer on a busy machine. An attack that differs in anything else is not tried again.
func (r *runner) twice(ctx context.Context, asked []attack) ([]result, error) {
	results, err := r.all(ctx, asked)
	if err != nil {
		return nil, err
	}
	var again []attack
	var places []int
	for i, came := range results {
		if came.slow {
			again, places = append(again, asked[i]), append(places, i)
		}
	}
	if len(again) == 0 {
		return results, nil
	}
	second, err := r.all(ctx, again)
	if err != nil {
		return nil, err
	}
	for i, came := range second {
		results[places[i]] = came
	}
	return results, nil
}

// prepare writes the victims' modules.
func (r *runner) prepare(dir string) error {
	r.modules, r.payloads = filepath.Join(dir, "modules"), filepath.Join(dir, "payloads")
	for _, d := range []string{r.modules, r.payloads} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	r.secret = filepath.Join(dir, "secret")
	if err := os.WriteFile(r.secret, []byte(groupSecret), 0o600); err != nil {
		return err
	}
	var err error
	if r.certs, err = newCertificates(dir); err != nil {
		return err
	}
	entries, err := modules.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := modules.ReadFile(e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.modules, e.Name()), data, 0o600); err != nil {
			return err
		}
	}
	side, err := modules.ReadFile("sideeffect.py")
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(r.modules, "package"), 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{"__init__.py": "", "__main__.py": string(side), "part.py": "def work():\n    return 1\n"} {
		if err := os.WriteFile(filepath.Join(r.modules, "package", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, name := range lookalikes {
		if err := os.WriteFile(filepath.Join(r.modules, name+".py"), side, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// groups are attacks that the same victim suffers one after the other.
func groups(chosen []attack) (all [][]string) {
	places := map[string]int{}
	for _, a := range chosen {
		if a.host != nil {
			continue
		}
		key := strings.Join(a.list(), " ") + "|" + a.needs
		place, ok := places[key]
		if !ok {
			place = len(all)
			places[key] = place
			all = append(all, nil)
		}
		all[place] = append(all[place], a.name)
	}
	return all
}

func (r *runner) inParallel(tasks []func()) {
	free := make(chan struct{}, r.parallel)
	var wg sync.WaitGroup
	for _, task := range tasks {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			task()
		})
	}
	wg.Wait()
}

// makePayloads has Python make the payloads that are given as Python code.
func (r *runner) makePayloads(ctx context.Context, chosen []attack) error {
	var names []string
	for _, a := range chosen {
		if a.source != "" {
			names = append(names, a.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	end := r.process(ctx, role{Attacks: names, Make: true}, func(event) {})
	if end != "" {
		return fmt.Errorf("the attacker's process %s", end)
	}
	return nil
}

// attackGroup makes attacks on a victim. When the victim dies, the remaining attacks are made on a new victim.
func (r *runner) attackGroup(ctx context.Context, names []string) {
	for len(names) > 0 {
		done := r.victim(ctx, role{Attacks: names, Restricted: true}, func(name string, e ending) { r.of(name).attack = e })
		names = names[max(done, 1):]
	}
}

// controls are the attacks whose controls share a process. An import of numpy or torch takes seconds: of the attacks that need
// these modules, those that Python itself refuses or answers share one. Every other control has a process to itself.
func controls(chosen []attack) (all [][]string) {
	shared := map[string][]string{}
	for _, a := range chosen {
		switch {
		case a.inert != "" || a.host != nil:
		case a.needs != "" && (a.canary == nowhere || a.canary == entered):
			shared[a.needs] = append(shared[a.needs], a.name)
		default:
			all = append(all, []string{a.name})
		}
	}
	for _, group := range shared {
		all = append(all, group)
	}
	return all
}

func (r *runner) controlGroup(ctx context.Context, names []string) {
	for len(names) > 0 {
		done := r.victim(ctx, role{Attacks: names}, func(name string, e ending) { r.of(name).control = e })
		names = names[max(done, 1):]
	}
}

func (r *runner) of(name string) *trial {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[name]
}

// victim runs a victim, notes what became of each attack that the victim has suffered, and returns how many these are.
func (r *runner) victim(ctx context.Context, role role, tell func(string, ending)) int {
	done, current := 0, ""
	end := r.process(ctx, role, func(e event) {
		switch {
		case e.Begun:
			current = e.Name
		default:
			tell(e.Name, ending{e, true})
			done++
			current = ""
		}
	})
	switch {
	case current != "": // the victim died before it could say what became of the attack
		tell(current, ending{event{Name: current, Fired: []firing{{died, end}}}, true})
		done++
	case end != "" && done == 0:
		tell(role.Attacks[0], ending{event{Name: role.Attacks[0], Skip: "the victim " + end}, true})
	}
	return done
}
