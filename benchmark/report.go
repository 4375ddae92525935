package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Measure runs the measurements one after the other.
func Measure(ctx context.Context, s *Setup, list []Measurement) (Result, error) {
	r := Result{Machine: machine(s), Figures: map[string]Figure{}, Skipped: map[string]string{}}
	for i, m := range list {
		if s.Progress != nil {
			s.Progress(m.Key, i+1, len(list))
		}
		f, err := m.Run(ctx, s)
		var skip *skipError
		switch {
		case errors.As(err, &skip):
			r.Skipped[m.Key] = skip.reason
		case err != nil:
			return r, err
		default:
			r.Figures[m.Key] = f
		}
		if err := ctx.Err(); err != nil {
			return r, context.Cause(ctx)
		}
	}
	return r, nil
}

// Table is the result for people.
func (r Result) Table(list []Measurement) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIGURE\tMEDIAN\tMIN\tMAX\tUNIT\tBOUND\t\tWHAT")
	for _, m := range list {
		f, ok := r.Figures[m.Key]
		if !ok {
			fmt.Fprintf(w, "%s\t-\t-\t-\t\t\t\tskipped: %s\n", m.Key, r.Skipped[m.Key])
			continue
		}
		fmt.Fprintf(w, "%s\t%.3g\t%.3g\t%.3g\t%s\t%s\t%s\t%s\n", m.Key, f.Median, f.Min, f.Max, m.Unit, m.bound(), m.verdict(f), m.What)
	}
	_ = w.Flush()
	return b.String()
}

func (m Measurement) bound() string {
	if m.Bound == 0 {
		return ""
	}
	sign := "≥"
	if m.AtMost {
		sign = "≤"
	}
	return fmt.Sprintf("%s %g", sign, m.Bound)
}

func (m Measurement) verdict(f Figure) string {
	if m.Holds(f) {
		return ""
	}
	return "MISSED"
}

func machine(s *Setup) map[string]string {
	return map[string]string{
		"os": runtime.GOOS, "arch": runtime.GOARCH, "cpu": cpuModel(), "cpus": strconv.Itoa(runtime.NumCPU()),
		"go": runtime.Version(), "python": s.Runtime.Version().Full, "rounds": strconv.Itoa(s.Rounds),
	}
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
