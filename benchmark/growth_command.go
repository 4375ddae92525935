package main

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

func growthCommand(o *options) *cobra.Command {
	plan := GrowthPlan{}
	var svg, into string
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Measure how calls between workers fare as there are more of them",
		Long: `growth measures calls of an add between processes of one machine, gopyrpc's agents and torch's (TensorPipe) in
turns: between two workers with more and more calls at once, and in rings of more and more workers. It
prints Markdown, the medians of several rounds. It takes a few minutes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkPlan(plan); err != nil {
				return err
			}
			return o.growth(cmd, plan, svg, into)
		},
	}
	cmd.Flags().IntSliceVar(&plan.Callers, "callers", []int{1, 3, 10, 30, 100, 300, 1000}, "how many calls at once, between two workers")
	cmd.Flags().IntSliceVar(&plan.Workers, "workers", []int{2, 4, 6, 8}, "how many workers, in a ring")
	cmd.Flags().IntVar(&plan.Calls, "calls", 1000, "calls of each worker in a round")
	cmd.Flags().IntVar(&plan.Rounds, "rounds", 5, "rounds of each size")
	cmd.Flags().StringVar(&svg, "svg", "", "`file` to write a plot to")
	cmd.Flags().StringVar(&into, "into", "", "Markdown `file` to put the tables into, between its markers")
	return cmd
}

func checkPlan(plan GrowthPlan) error {
	if plan.Rounds < 1 || plan.Calls < 1 {
		return fmt.Errorf("--rounds %d --calls %d: at least 1", plan.Rounds, plan.Calls)
	}
	for _, n := range plan.Callers {
		if n < 1 || n > 4096 {
			return fmt.Errorf("--callers %d: 1 to 4096", n)
		}
	}
	for _, n := range plan.Workers {
		if n < 2 || n > 64 {
			return fmt.Errorf("--workers %d: 2 to 64", n)
		}
	}
	return nil
}

func (o *options) growth(cmd *cobra.Command, plan GrowthPlan, svg, into string) error {
	return o.withRuntime(cmd.Context(), func(ctx context.Context, rt *pybridge.Runtime) error {
		setup, err := o.setup(rt, plan.Rounds)
		if err != nil {
			return err
		}
		result, err := MeasureGrowth(ctx, setup, plan)
		if err != nil {
			return err
		}
		if svg != "" {
			if err := os.WriteFile(svg, []byte(result.SVG()), 0o644); err != nil {
				return err
			}
		}
		if into != "" {
			if err := putBetweenMarkers(into, result.Markdown()); err != nil {
				return err
			}
		}
		return o.print(cmd, result, result.Markdown())
	})
}

var markers = regexp.MustCompile(`(?s)(<!-- growth -->\n).*(<!-- /growth -->\n)`)

// putBetweenMarkers replaces what a file has between the lines <!-- growth --> and <!-- /growth -->.
func putBetweenMarkers(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !markers.Match(old) {
		return fmt.Errorf("%s has no lines <!-- growth --> and <!-- /growth --> to put the tables between", file)
	}
	return os.WriteFile(file, markers.ReplaceAll(old, []byte("${1}"+text+"${2}")), 0o644)
}
