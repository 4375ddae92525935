package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed growth.py
var growthScript string

// Growth is how calls between workers fare as there are more of them, ours beside torch's.
type Growth struct {
	Machine map[string]string `json:"machine"`
	Callers []Point           `json:"callers"` // of two workers
	Workers []Point           `json:"workers"` // in a ring, each calling the next, RingCallers times at once
	Skipped string            `json:"skipped,omitempty"`
}

// Point is a size of either. Torch is nil where there is none.
type Point struct {
	N     int     `json:"n"`
	Ours  Sample  `json:"ours"`
	Torch *Sample `json:"torch,omitempty"`
}

// Sample is the median of several rounds.
type Sample struct {
	Rate float64 `json:"rate"` // calls per second, of all workers together
	P50  float64 `json:"p50"`  // seconds that half of the calls took at most
	P99  float64 `json:"p99"`
}

// RingCallers are the calls that each worker of a ring makes at once.
const RingCallers = 8

// GrowthPlan says what to measure.
type GrowthPlan struct {
	Callers, Workers []int
	Calls            int // of each worker in a round
	Rounds           int
}

// side is one of the two that are compared.
type side struct {
	name    string
	command []string
	point   func(*Point, Sample)
}

// MeasureGrowth measures both sides in turns.
func MeasureGrowth(ctx context.Context, s *Setup, plan GrowthPlan) (Growth, error) {
	g := Growth{Machine: machine(s)}
	script, remove, err := scriptFile("growth.py", growthScript)
	if err != nil {
		return g, err
	}
	defer remove()
	gopyrpc, err := s.Command.path(ctx)
	if err != nil {
		return g, err
	}
	sides := []side{{"gopyrpc", []string{gopyrpc, "--python", s.Python, "run", script, "gopyrpc"}, func(p *Point, s Sample) { p.Ours = s }}}
	if hasTorchRPC(ctx, s.Python) {
		sides = append(sides, side{"torch", []string{s.Python, script, "torch.distributed.rpc"}, func(p *Point, s Sample) { p.Torch = &s }})
	} else {
		g.Skipped = noTorchRPC
	}
	if g.Callers, err = grown(ctx, sides, 2, plan.Callers, false, plan); err != nil {
		return g, err
	}
	for _, size := range plan.Workers {
		points, err := grown(ctx, sides, size, []int{RingCallers}, true, plan)
		if err != nil {
			return g, err
		}
		points[0].N = size
		g.Workers = append(g.Workers, points...)
	}
	return g, nil
}

// grown measures groups of one size with more and more callers.
func grown(ctx context.Context, sides []side, size int, callers []int, ring bool, plan GrowthPlan) (points []Point, err error) {
	groups := make([]*group, len(sides))
	for i, side := range sides {
		if groups[i], err = startGroup(ctx, size, side.command...); err != nil {
			return nil, fmt.Errorf("%s: %w", side.name, err)
		}
		defer func() { err = errors.Join(err, groups[i].end()) }()
	}
	for _, n := range callers {
		request, err := json.Marshal(map[string]any{"ring": ring, "callers": n, "calls": max(plan.Calls, 3*n)})
		if err != nil {
			return nil, err
		}
		samples := make([][]Sample, len(sides))
		for range plan.Rounds {
			for i, side := range sides {
				var sample Sample
				if err := groups[i].ask(string(request), &sample); err != nil {
					return nil, fmt.Errorf("%s: %w", side.name, err)
				}
				samples[i] = append(samples[i], sample)
			}
		}
		p := Point{N: n}
		for i, side := range sides {
			side.point(&p, middle(samples[i]))
		}
		points = append(points, p)
	}
	return points, nil
}

// middle takes the median of each number by itself.
func middle(samples []Sample) Sample {
	of := func(number func(Sample) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = number(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Sample{
		Rate: of(func(s Sample) float64 { return s.Rate }),
		P50:  of(func(s Sample) float64 { return s.P50 }),
		P99:  of(func(s Sample) float64 { return s.P99 }),
	}
}

// Markdown is the result as two tables.
func (g Growth) Markdown() string {
	var b strings.Builder
	table := func(what string, points []Point) {
		fmt.Fprintf(&b, "| %s | calls/s | torch | p50 ms | torch | p99 ms | torch |\n", what)
		b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
		for _, p := range points {
			fmt.Fprintf(&b, "| %d | %.0f | %s | %.2f | %s | %.2f | %s |\n", p.N,
				p.Ours.Rate, p.torch("%.0f", func(s Sample) float64 { return s.Rate }),
				1e3*p.Ours.P50, p.torch("%.2f", func(s Sample) float64 { return 1e3 * s.P50 }),
				1e3*p.Ours.P99, p.torch("%.2f", func(s Sample) float64 { return 1e3 * s.P99 }))
		}
	}
	table("calls at once", g.Callers)
	b.WriteString("\n")
	table("workers", g.Workers)
	fmt.Fprintf(&b, "\nOn %s CPUs (%s, %s/%s), CPython %s", g.Machine["cpus"], g.Machine["cpu"], g.Machine["os"], g.Machine["arch"],
		strings.Fields(g.Machine["python"])[0])
	if g.Skipped != "" {
		fmt.Fprintf(&b, "; no torch: %s", g.Skipped)
	}
	b.WriteString(".\n")
	return b.String()
}

func (p Point) torch(format string, number func(Sample) float64) string {
	if p.Torch == nil {
		return "-"
	}
	return fmt.Sprintf(format, number(*p.Torch))
}
