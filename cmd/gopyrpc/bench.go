package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/bench"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func benchCommand(c *common) *cobra.Command {
	var only []string
	var rounds int
	var startOnly bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the bridge against what it is compared with",
		Long: `bench measures, side by side in one run, and prints the median, the smallest and the largest of
several rounds. Figures are ratios unless their unit says otherwise:

  ` + strings.Join(bench.Keys(), "\n  "),
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if startOnly {
				return c.withRuntime(cmd, func(context.Context, *pybridge.Runtime) error { return nil })
			}
			if rounds < 1 {
				return &usageError{fmt.Errorf("--rounds %d: at least 1", rounds)}
			}
			list, err := bench.Select(only)
			if err != nil {
				return &usageError{err}
			}
			return c.bench(cmd, list, rounds)
		},
	}
	cmd.AddCommand(growthCommand(c))
	c.jsonFlag(cmd)
	cmd.Flags().StringSliceVar(&only, "only", nil, "`figures` to measure, separated by commas")
	cmd.Flags().IntVar(&rounds, "rounds", 15, "rounds of each figure")
	cmd.Flags().BoolVar(&startOnly, "start-only", false, "start and close Python, nothing else (what start_vs_python runs)")
	_ = cmd.Flags().MarkHidden("start-only")
	return cmd
}

func (c *common) bench(cmd *cobra.Command, list []bench.Measurement, rounds int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.module = handler.OwnModule
	return c.withHandler(cmd, func(ctx context.Context, rt *pybridge.Runtime, h *handler.Handler) error {
		python, _, _ := rt.Interpreter()
		setup := &bench.Setup{Runtime: rt, Handler: h, Self: self, Python: python, Rounds: rounds}
		if isTerminal(cmd.ErrOrStderr()) { // all of it takes minutes
			setup.Progress = func(key string, number, of int) { cmd.PrintErrf("gopyrpc: measuring %s (%d of %d)\n", key, number, of) }
		}
		result, err := bench.Measure(ctx, setup, list)
		if err != nil {
			return err
		}
		if c.json {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(result)
		}
		cmd.Print(result.Table(list))
		return nil
	})
}

// isTerminal says whether somebody may be watching.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
