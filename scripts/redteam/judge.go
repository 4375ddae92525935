package main

import (
	"fmt"
	"slices"
	"strings"
)

// The verdicts of a row.
const (
	held    = "ok"
	differs = "DIFFERS"
	skipped = "skip"
)

// violation is the error of an agent about frames that no agent sends: the attack itself is wrong then.
const violation = "protocol violation"

// result is a row of the table as it is printed.
type result struct {
	Name     string `json:"name"`
	Tries    string `json:"tries"`
	Expected string `json:"expected"`
	Came     string `json:"came"`
	Control  string `json:"control"`
	Verdict  string `json:"verdict"`

	slow bool // the row differs only in the processor time that the attack, or its control, took
}

// judge compares what came of an attack and its control with what had to come.
func judge(a attack, m *trial) result {
	r := result{Name: a.name, Tries: a.tries, Expected: string(a.expect), Verdict: held}
	r.Came = m.attack.tell()
	r.Control = "no control: " + a.inert
	if a.inert == "" {
		r.Control = m.control.tell()
		if a.host != nil && a.host.as != "" {
			r.Control = "of " + a.host.as + ": " + r.Control
		}
	}
	switch {
	case m.attack.Skip != "" || m.control.Skip != "":
		r.Verdict = skipped
		if a.needs == "" { // the lack of a module is the only reason not to make an attack
			r.Verdict = differs
		}
	case !m.attack.came, len(m.attack.Fired) > 0:
		r.Verdict = differs
		r.slow = m.attack.onlyBusy()
	case a.expect == refused && m.attack.Error == "":
		r.Verdict = differs
	case strings.Contains(m.attack.Error, violation):
		r.Verdict = differs
		r.Came = "the attack never came to what it is to break: " + r.Came
	case !strings.Contains(m.attack.Error, a.because):
		r.Verdict = differs
		r.Came = "another error than of " + a.because + ": " + r.Came
	case a.inert != "":
	case !m.control.has(a.canary):
		r.Verdict = differs
		r.slow = m.control.onlyBusy()
		r.Came = fmt.Sprintf("the control does not fire the canary %q: the attack is broken", a.canary)
	}
	return r
}

// onlyBusy says whether the attack took long and did nothing else.
func (e ending) onlyBusy() bool {
	return e.came && len(e.Fired) > 0 && !slices.ContainsFunc(e.Fired, func(f firing) bool { return f.Canary != busy })
}

func (e ending) tell() string {
	var parts []string
	switch {
	case !e.came:
		return "nothing: the attack was not made"
	case e.Skip != "":
		return e.Skip
	}
	for _, f := range e.Fired {
		parts = append(parts, f.String())
	}
	if e.Error != "" {
		parts = append(parts, "error: "+oneLine(e.Error))
	} else if e.Said != "" {
		parts = append(parts, e.Said)
	}
	return strings.Join(parts, "; ")
}

func (e ending) has(canary string) bool {
	switch canary {
	case costly:
		return e.has(memory) || e.has(busy)
	case nowhere:
		return e.came && (e.Error != "" || e.Said == raised)
	case entered:
		return e.came && e.Error == "" && e.Said != "" && e.Said != raised
	}
	for _, f := range e.Fired {
		if f.Canary == canary {
			return true
		}
	}
	return false
}

// oneLine is a text on one line, without characters that a terminal obeys.
func oneLine(text string) string {
	return cut(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text), 220)
}
