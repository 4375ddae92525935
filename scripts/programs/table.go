package main

import (
	"fmt"
	"io"
	"strings"
)

// row is a program, and what came of it on each side.
type row struct {
	program program
	cells   []cell
	want    string
}

const (
	same    = "same"
	differs = "different"
	fails   = "fails"
	lacking = "lacking" // it fails, and the table of programs says why
	works   = "works"   // and the table of programs says that it cannot
)

// verdict says what became of the program on the cell's side.
func (r row) verdict(c cell) string {
	lacks := r.program.lacks != "" && c.side != onTorch
	switch {
	case c.failure != "" && lacks:
		return lacking
	case c.failure != "":
		return fails
	case c.printed != r.want || c.printed == "":
		return differs
	case lacks:
		return works
	}
	return same
}

// table prints rows as they come, and counts.
type table struct {
	out    io.Writer
	sides  []*side
	same   map[*side]int
	counts map[string]int
	rows   []row
}

func newTable(out io.Writer, sides []*side) *table {
	t := &table{out: out, sides: sides, same: map[*side]int{}, counts: map[string]int{}}
	fmt.Fprintf(out, "%-17s", "program")
	for _, s := range sides {
		fmt.Fprintf(out, " %-18s", s.name)
	}
	fmt.Fprintln(out)
	return t
}

func (t *table) print(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(t.out, "%-17s", r.program.name)
	for _, c := range r.cells {
		verdict := r.verdict(c)
		t.counts[verdict]++
		if verdict == same {
			t.same[c.side]++
		}
		fmt.Fprintf(t.out, " %-9s %5.1f s ", verdict, c.took.Seconds())
	}
	fmt.Fprintln(t.out)
}

// finish prints what is different, and how many are the same, and returns the exit status.
func (t *table) finish(forgive bool) int {
	for _, r := range t.rows {
		for _, c := range r.cells {
			t.explain(r, c)
		}
	}
	var counts []string
	for _, s := range t.sides {
		counts = append(counts, fmt.Sprintf("%d of %d on %s", t.same[s], len(t.rows), s.name))
	}
	fmt.Fprintf(t.out, "\nprograms: the same result: %s\n", strings.Join(counts, ", "))
	if t.counts[differs]+t.counts[fails]+t.counts[works] > 0 || t.counts[lacking] > 0 && !forgive {
		return 1
	}
	return 0
}

// explain prints why a cell does not say same.
func (t *table) explain(r row, c cell) {
	verdict := r.verdict(c)
	where := fmt.Sprintf("\n%s, %s: %s", r.program.name, c.side.name, verdict)
	switch verdict {
	case lacking:
		fmt.Fprintf(t.out, "%s: %s\n  %s\n", where, r.program.lacks, c.failure)
	case works:
		fmt.Fprintf(t.out, "%s, and scripts/programs/program.go says: %s\n", where, r.program.lacks)
	case fails:
		fmt.Fprintf(t.out, "%s: %s\n%s", where, c.failure, indented(tail(c.stderr, 40)))
	case differs:
		fmt.Fprintf(t.out, "%s; expected:\n%scame:\n%s", where, indented(r.want), indented(c.printed))
	}
}

func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return out.String()
}

func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
