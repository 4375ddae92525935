package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The columns in front of the cells, as scripts/matrix.sh writes them.
const facts = "minor\tof\tpython\ttorch\tnumpy\tglibc"

// cells are the matrix's columns, in the document's words and order.
var cells = []string{"internal/cpython", "gil", "pybridge", "handler", "agent/pyworker", "python", "demo", "pair"}

// row is what a run of the matrix found out about an interpreter.
type row struct {
	minor, of                   string // what is supported: 3.15, Debian sid
	python, torch, numpy, glibc string // as they were when it ran; "-" for none
	cells                       map[string]string
}

// minorNumber is 15 for "3.15", and 0 for a text that is no version.
func (r row) minorNumber() int {
	n, err := strconv.Atoi(strings.TrimPrefix(r.minor, "3."))
	if err != nil {
		return 0
	}
	return n
}

func (r row) same(o row) bool { return r.minor == o.minor && r.of == o.of }

// readRows reads a table. A cell that its header does not name did not run.
func readRows(path string) ([]row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	header, ok := strings.CutPrefix(lines[0], facts+"\t")
	if !ok {
		return nil, fmt.Errorf("%s does not begin with %q", path, facts)
	}
	names := strings.Split(header, "\t")
	var rows []row
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 6+len(names) {
			return nil, fmt.Errorf("%s:%d: %d fields, not %d", path, i+2, len(f), 6+len(names))
		}
		r := row{minor: f[0], of: f[1], python: f[2], torch: f[3], numpy: f[4], glibc: f[5], cells: map[string]string{}}
		for j, name := range names {
			if f[6+j] != "-" {
				r.cells[name] = f[6+j]
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func format(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\t%s\n", facts, strings.Join(cells, "\t"))
	for _, r := range rows {
		fields := []string{r.minor, r.of, r.python, r.torch, r.numpy, r.glibc}
		for _, c := range cells {
			fields = append(fields, cmp.Or(r.cells[c], "-"))
		}
		fmt.Fprintln(&b, strings.Join(fields, "\t"))
	}
	return b.String()
}

// merged returns rows in the order of versions. Rows in seen replace the rows of the same interpreters.
func merged(rows, seen []row) []row {
	all := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return slices.ContainsFunc(seen, r.same) })
	all = append(all, seen...)
	slices.SortStableFunc(all, func(a, b row) int {
		return cmp.Or(a.minorNumber()-b.minorNumber(), strings.Compare(a.of, b.of))
	})
	return all
}

// keptBy says where a run did not do what the rows promise. A kind of interpreter that only the run or only the rows have
// does not count: machines differ, and sid changes daily.
func keptBy(rows, seen []row, out io.Writer) error {
	var errs []error
	for _, s := range seen {
		i := slices.IndexFunc(rows, s.same)
		if i < 0 {
			fmt.Fprintf(out, "supported: %s of %s ran and has no row\n", s.minor, s.of)
			continue
		}
		for _, c := range cells {
			if got, ran := s.cells[c]; ran && rows[i].cells[c] == "ok" && got != "ok" {
				errs = append(errs, fmt.Errorf("%s of %s: %s was %q here, and %s says ok", s.minor, s.of, c, got, rowsFile))
			}
		}
	}
	return errors.Join(errs...)
}
