package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/cmd/pyrpc/launch"
)

// workersProgram is that of the demonstration's second half.
const workersProgram = "demo_workers.py"

// demoWorkers shows two agents in processes of their own.
func (c *common) demoWorkers(cmd *cobra.Command, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd.Printf("\ntwo workers (pyrpc run -n 2 %s)\n", workersProgram)
	out := &indented{w: cmd.OutOrStdout()}
	command := append([]string{self, "run", "--" + linesFlag, "--" + reportFlag}, given(cmd.InheritedFlags())...)
	group := &launch.Group{
		Workers: 2, Command: append(command, "--", filepath.Join(dir, workersProgram)), Grace: launchGrace,
		Stdout: out, Stderr: cmd.ErrOrStderr(),
	}
	beforeStopAtOnce(cmd.Context(), group.Kill)
	if err := group.Run(cmd.Context()); err != nil {
		return fmt.Errorf("the workers: %w", err)
	}
	return nil
}

// indented puts two spaces before each line; it is written to in whole lines.
type indented struct{ w io.Writer }

func (i *indented) Write(line []byte) (int, error) {
	_, err := i.w.Write(append([]byte("  "), line...))
	return len(line), err
}
