package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// hostName is the command that a Go program is measured by.
const hostName = "host"

// hostCommand runs a script in the Python inside this process, in which the script may start agents: what a Go program is to
// the library in python3.
func hostCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:    hostName + " SCRIPT.py [ARG...]",
		Short:  "Run a script in the Python inside this process (what wheel_latency_vs_run runs)",
		Args:   cobra.MinimumNArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			return o.withRuntime(cmd.Context(), func(ctx context.Context, rt *pybridge.Runtime) error {
				if err := pyworker.Provide(ctx, rt, pyworker.Config{}); err != nil {
					return err
				}
				return gil.With(ctx, func(t gil.Token) error { return rt.RunMain(t, string(source), args[0]) })
			}, pybridge.WithArgv(args...))
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the script is the script's
	return cmd
}
