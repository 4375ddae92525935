package cleanup

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what became of a run. It holds plain values and outlives everything it tells of.
type Report struct {
	Steps    []StepResult `json:"steps"`              // in the order they ran in
	Released []Release    `json:"released,omitempty"` // what steps said they released, see [ReportReleased]
	Leaked   []Leak       `json:"leaked,omitempty"`   // what steps found not released, see [ReportLeak]
	Late     []string     `json:"late,omitempty"`     // "phase: name" of the steps left behind
}

// StepResult is what became of one step.
type StepResult struct {
	Phase    Phase
	Name     string
	Outcome  Outcome
	Err      error // nil if and only if the outcome is released
	Duration time.Duration
}

// Release counts what was released under a name.
type Release struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Leak counts what was not released under a name.
type Leak struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Stack string `json:"stack,omitempty"` // where it was acquired, if known
}

// String returns "COUNT × NAME".
func (l Leak) String() string { return fmt.Sprintf("%d × %s", l.Count, l.Name) }

// Outcome is how a step ended.
type Outcome string

// The outcomes of a step.
const (
	OutcomeReleased Outcome = "released" // returned nil
	OutcomeSkipped  Outcome = "skipped"  // returned an error that is ErrSkipped
	OutcomeFailed   Outcome = "failed"   // returned any other error
	OutcomePanicked Outcome = "panicked"
	OutcomeExited   Outcome = "exited" // ended its goroutine
	OutcomeLate     Outcome = "late"   // was still running when it was given up
)

// bad says whether the outcome makes the run fail.
func (o Outcome) bad() bool { return o != OutcomeReleased && o != OutcomeSkipped }

// MarshalJSON writes the error as text and the duration in seconds.
func (s StepResult) MarshalJSON() ([]byte, error) {
	out := struct {
		Phase   Phase   `json:"phase"`
		Name    string  `json:"name"`
		Outcome Outcome `json:"outcome"`
		Err     string  `json:"error,omitempty"`
		Seconds float64 `json:"seconds"`
	}{s.Phase, s.Name, s.Outcome, "", s.Duration.Seconds()}
	if s.Err != nil {
		out.Err = s.Err.Error()
	}
	return json.Marshal(out)
}

// String returns the report as a table for people: a line for each step, then what is left.
func (r Report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PHASE\tSTEP\tOUTCOME\tTOOK\t")
	for _, s := range r.Steps {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Phase, s.Name, s.Outcome, s.Duration.Round(time.Microsecond), firstLine(s.Err))
	}
	_ = w.Flush() // a strings.Builder takes every write
	for _, name := range r.Late {
		fmt.Fprintf(&b, "late: %s (left running; it ends in its own time)\n", name)
	}
	for _, rel := range r.Released {
		fmt.Fprintf(&b, "released: %d × %s\n", rel.Count, rel.Name)
	}
	for _, leak := range r.Leaked {
		fmt.Fprintf(&b, "leaked: %s\n", leak)
		if leak.Stack != "" {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(strings.TrimSpace(leak.Stack), "\n", "\n    "))
		}
	}
	return b.String()
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (r *Report) addReleased(name string, count int) {
	i := slices.IndexFunc(r.Released, func(have Release) bool { return have.Name == name })
	if i < 0 {
		r.Released = append(r.Released, Release{Name: name, Count: count})
		return
	}
	r.Released[i].Count += count
}

// clone keeps one caller's changes from reaching the others.
func (r Report) clone() Report {
	r.Steps = slices.Clone(r.Steps)
	r.Released = slices.Clone(r.Released)
	r.Leaked = slices.Clone(r.Leaked)
	r.Late = slices.Clone(r.Late)
	return r
}
