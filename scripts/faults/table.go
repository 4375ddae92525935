package main

import (
	"fmt"
	"io"
	"strings"
)

// printTable prints a row for each fault: what was injected, what had to happen, what happened.
func printTable(out io.Writer, results []result, list bool) {
	width := 0
	for _, r := range results {
		width = max(width, len(r.Name))
	}
	counts := map[string]int{}
	for _, r := range results {
		counts[r.Verdict]++
		if list {
			fmt.Fprintf(out, "%-*s  %s\n%*s  must: %s\n", width, r.Name, r.Injected, width, "", r.Must)
			continue
		}
		printRow(out, r, width)
	}
	if !list {
		fmt.Fprintf(out, "\nfaults: %d as they must, %d different, %d skipped\n", counts[held], counts[differs], counts[skipped])
		repeatDifferent(out, results, width)
	}
}

func printRow(out io.Writer, r result, width int) {
	fmt.Fprintf(out, "%-7s  %-*s  %5.1fs  %s\n", r.Verdict, width, r.Name, r.Seconds, r.Injected)
	indent := strings.Repeat(" ", 9+width+2+8)
	fmt.Fprintf(out, "%smust: %s\n%sdid:  %s\n", indent, r.Must, indent, r.Did)
	if r.Stderr != "" {
		fmt.Fprintf(out, "%s\n", r.Stderr)
	}
}

// repeatDifferent prints the faults that were different once more, at the end: only the end of a long log is kept.
func repeatDifferent(out io.Writer, results []result, width int) {
	for _, r := range results {
		if r.Verdict == differs {
			printRow(out, r, width)
		}
	}
}
