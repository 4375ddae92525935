package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// table prints names and their values, one below the other where there are several.
type table struct{ cmd *cobra.Command }

func (t table) row(name string, values ...any) {
	for i, value := range values {
		if i > 0 {
			name = ""
		}
		t.cmd.Printf("%-22s %s\n", name, printable(fmt.Sprint(value)))
	}
}

func (d *diagnosis) print(cmd *cobra.Command, verbose bool) {
	t := table{cmd}
	t.row("interpreter", fmt.Sprintf("%s (from %s)", d.Executable, d.Source))
	t.row("library", d.Library)
	t.row("version", d.Version)
	t.row("built with", d.Go)
	d.printPrefix(t)
	path, _ := d.Python["path"].([]any)
	t.row("modules from", path...)
	if verbose {
		d.printInside(t)
	}
	for _, p := range d.Packages {
		t.row(p.Name, p)
	}
	for i, what := range d.Ignored {
		t.row(firstOnly(i, "ignored"), what)
	}
	if d.Stack != nil {
		t.row("stack", d.Stack)
	}
	d.System.print(t)
	for i, other := range d.Others {
		t.row(firstOnly(i, "also usable"), other)
	}
	for i, refused := range d.Refused {
		t.row(firstOnly(i, "not usable"), refused)
	}
	if len(d.Problems) == 0 {
		cmd.Println("no problems found")
	}
	for _, p := range d.Problems {
		t.row("PROBLEM", p)
	}
}

func firstOnly(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// shown are the facts from inside that the table has in rows of their own.
var shown = []string{"version", "executable", "prefix", "base_prefix", "path", "modules"}

// printInside prints what Python says of itself.
func (d *diagnosis) printInside(t table) {
	for _, name := range slices.Sorted(maps.Keys(d.Python)) {
		if !slices.Contains(shown, name) {
			t.row(strings.ReplaceAll(name, "_", " "), readable(d.Python[name]))
		}
	}
}

// readable is a value as people write it: not in Go's syntax.
func readable(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text := readable(v[key]); text != "" {
				key += "=" + text
			}
			parts = append(parts, key)
		}
		return strings.Join(parts, ", ")
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, readable(item))
		}
		return strings.Join(parts, ", ")
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case nil:
		return "none"
	}
	return fmt.Sprint(v)
}
