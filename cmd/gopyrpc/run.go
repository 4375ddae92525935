package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
)

// workersFlag is the flag of gopyrpc run that the workers it starts do not get.
const workersFlag = "workers"

// linesFlag has workers write line by line: the launcher shows lines as they come.
const linesFlag = "lines"

// reportFlag has a program's agents, and the process, say what was released when they ended.
const reportFlag = "report"

// launcherFlag has a worker tell the launcher when its program has failed.
const launcherFlag = "launcher-fd"

// toLauncher is that flag as the workers of a launcher get it.
var toLauncher = fmt.Sprintf("--%s=%d", launcherFlag, launch.ReportFD)

// groupVariables are what a launcher gives each worker. One that finds them is itself a worker of a group.
var groupVariables = []string{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"}

// launchGrace is longer than the join of a worker that stops.
const launchGrace = 2 * joinTime

// launchScript runs this command again, once for each worker.
func (c *common) launchScript(cmd *cobra.Command, workers int, f *agentFlags, args []string) error {
	if workers < 1 || workers > launch.MaxWorkers {
		return &usageError{fmt.Errorf("-n %d: from 1 to %d workers", workers, launch.MaxWorkers)}
	}
	if err := checkAlone(); err != nil {
		return err
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
	command := append([]string{self, cmd.Name(), "--" + linesFlag, toLauncher}, given(cmd.Flags())...)
	group := &launch.Group{
		Workers: workers, Command: append(append(command, "--"), args...), Grace: launchGrace,
		Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
	}
	beforeStopAtOnce(cmd.Context(), group.Kill)
	err = group.Run(cmd.Context())
	var failed *launch.Failed
	if errors.As(err, &failed) {
		cmd.PrintErrln("gopyrpc:", failed)
		return &exitError{failed.Status()}
	}
	return err
}

// checkAlone refuses to make a group of its own of each worker of a larger one.
func checkAlone() error {
	var set []string
	for _, name := range groupVariables {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("-n starts all workers of a group on this machine, but the environment says that this is one of a group already (%s): "+
		"leave -n out, so that each launcher's process is one worker, or unset them", strings.Join(set, " "))}
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
