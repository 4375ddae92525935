package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// table is what is known of the tests of one torch: a line for each, in columns between tabs.
type table struct {
	rows map[string]*row // by the test's name
}

// row is what is known of a test.
type row struct {
	kind     string
	outcomes map[string]string // by what it ran on
	reason   string            // why the outcomes differ
	text     string            // what the last run said; not in the file
}

var columns = []string{"test", "kind", gopyrpc, tensorpipe, "reason"}

func readTable(file string) (*table, error) {
	t := &table{rows: map[string]*row{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	for number, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		cells := strings.Split(line, "\t")
		if len(cells) != len(columns) {
			return nil, fmt.Errorf("%s: line %d has %d columns, expected are %d", file, number+1, len(cells), len(columns))
		}
		if number > 0 {
			t.rows[cells[0]] = &row{cells[1], map[string]string{gopyrpc: cells[2], tensorpipe: cells[3]}, cells[4], ""}
		}
	}
	return t, nil
}

// outcome is what is known of a test on one of the two, "" for nothing.
func (t *table) outcome(on, name string) string {
	if r := t.rows[name]; r != nil {
		return r.outcomes[on]
	}
	return ""
}

// add takes over what a run has found.
func (t *table) add(on string, found map[string]outcome) {
	for name, o := range found {
		r := t.rows[name]
		if r == nil {
			r = &row{outcomes: map[string]string{}}
			t.rows[name] = r
		}
		r.kind = kindOf(name)
		r.outcomes[on] = o.Outcome
		if on == gopyrpc {
			r.text = o.Text
		}
		if !r.differs() {
			r.reason = ""
		}
	}
}

// differs says whether a test passes on TensorPipe and does not on gopyrpc.
func (r *row) differs() bool {
	return r.outcomes[tensorpipe] == passed && r.outcomes[gopyrpc] != passed
}

func (t *table) write(file string) error {
	lines := []string{strings.Join(columns, "\t")}
	for _, name := range t.names() {
		r := t.rows[name]
		lines = append(lines, strings.Join([]string{name, r.kind, r.outcomes[gopyrpc], r.outcomes[tensorpipe], r.reason}, "\t"))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

func (t *table) names() []string {
	names := make([]string, 0, len(t.rows))
	for name := range t.rows {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// print says of each kind how many tests passed, and which ones differ, and why.
func (t *table) print(out io.Writer, on, selected []string) {
	for _, kind := range kinds {
		counts, total := map[string]int{}, 0
		for _, name := range selected {
			if r := t.rows[name]; r != nil && r.kind == kind {
				total++
				for _, side := range on {
					if r.outcomes[side] == passed {
						counts[side]++
					}
				}
			}
		}
		if total == 0 {
			continue
		}
		fmt.Fprintf(out, "%s: of %d tests", kind, total)
		for i, side := range on {
			fmt.Fprintf(out, "%s %d pass on %s", strings.Repeat(",", min(i, 1)), counts[side], side)
		}
		fmt.Fprintln(out)
	}
	for _, name := range selected {
		if r := t.rows[name]; r != nil && r.differs() {
			reason := r.reason
			if reason == "" {
				reason = "(no reason is known) " + firstLine(r.text)
			}
			fmt.Fprintf(out, "differs: %s (%s): %s\n", name, r.kind, reason)
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line[:min(len(line), 200)]
}
