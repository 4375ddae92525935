package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pyrpc/pyrpc/cmd/pyrpc/launch"
)

// workersFlag is the flag of pyrpc run that the workers it starts do not get.
const workersFlag = "workers"

// linesFlag has workers write line by line: the launcher shows lines as they come.
const linesFlag = "lines"

// reportFlag has a program's agents, and the process, say what was released when they ended.
const reportFlag = "report"

// launchGrace is longer than the join of a worker that stops.
const launchGrace = 2 * joinTime

// launchScript runs this command again, once for each worker.
func (c *common) launchScript(cmd *cobra.Command, workers int, f *agentFlags, args []string) error {
	if workers < 1 || workers > launch.MaxWorkers {
		return &usageError{fmt.Errorf("-n %d: from 1 to %d workers", workers, launch.MaxWorkers)}
	}
	if _, err := f.config(c, cmd); err != nil { // once here rather than by every worker
		return err
	}
	if _, err := os.Stat(args[0]); err != nil {
		return fmt.Errorf("the script cannot be read: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := append([]string{self, cmd.Name(), "--" + linesFlag}, given(cmd.Flags())...)
	group := &launch.Group{
		Workers: workers, Command: append(append(command, "--"), args...), Grace: launchGrace,
		Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
	}
	beforeStopAtOnce(cmd.Context(), group.Kill)
	err = group.Run(cmd.Context())
	var failed *launch.Failed
	if errors.As(err, &failed) {
		cmd.PrintErrln("pyrpc:", failed)
		return &exitError{failed.Status()}
	}
	return err
}

// given are the flags of the command line, for the workers.
func given(flags *pflag.FlagSet) []string {
	var out []string
	flags.Visit(func(f *pflag.Flag) {
		switch list, ok := f.Value.(pflag.SliceValue); {
		case f.Name == workersFlag:
		case ok:
			for _, value := range list.GetSlice() {
				out = append(out, "--"+f.Name+"="+value)
			}
		default:
			out = append(out, "--"+f.Name+"="+f.Value.String())
		}
	})
	return out
}
