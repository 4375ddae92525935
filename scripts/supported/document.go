package main

import (
	"fmt"
	"strings"
)

const (
	begin = "<!-- supported -->\n"
	end   = "<!-- /supported -->\n"
)

// withTable puts the table between its marks in a text.
func withTable(text string, rows []row) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no %s … %s in %s", strings.TrimSpace(begin), strings.TrimSpace(end), document)
	}
	return before + begin + table(rows) + end + after, nil
}

// table returns the rows as Markdown. The column "ran" says in one word that every cell of a row is ok, as in most rows.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| CPython | of | torch | numpy | glibc | ran |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.python, r.of, dash(r.torch), dash(r.numpy), dash(r.glibc), r.ran())
	}
	return b.String()
}

func dash(s string) string {
	if s == "-" {
		return "–"
	}
	return s
}

// ran is "all", or the columns that were ok.
func (r row) ran() string {
	var ok []string
	for _, c := range cells {
		if r.cells[c] == "ok" {
			ok = append(ok, c)
		}
	}
	switch len(ok) {
	case len(cells):
		return "all"
	case 0:
		return "nothing"
	}
	return strings.Join(ok, ", ")
}
