package main

import (
	"fmt"
	"io"
)

// printTable prints a row for each attack, and at the end, so that the last lines of a log tell all, the counts and
// once more the rows that differ.
func printTable(out io.Writer, results []result) {
	width := 0
	for _, r := range results {
		width = max(width, len(r.Name))
	}
	counts := map[string]int{}
	row := func(r result) {
		fmt.Fprintf(out, "%-7s  %-*s  %s\n", r.Verdict, width, r.Name, oneLine(r.Tries))
		fmt.Fprintf(out, "%*sexpected: %s\n", 9+width+2, "", r.Expected)
		fmt.Fprintf(out, "%*scame:     %s\n", 9+width+2, "", oneLine(r.Came))
		fmt.Fprintf(out, "%*scontrol:  %s\n", 9+width+2, "", oneLine(r.Control))
	}
	for _, r := range results {
		counts[r.Verdict]++
		row(r)
	}
	fmt.Fprintf(out, "\nredteam: %d attacks: %d as expected, %d different, %d skipped\n",
		len(results), counts[held], counts[differs], counts[skipped])
	for _, r := range results {
		if r.Verdict == differs {
			row(r)
		}
	}
}
