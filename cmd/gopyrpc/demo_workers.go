package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
)

// workersProgram is that of the demonstration's second half.
const workersProgram = "demo_workers.py"

// demoWorkers shows two agents in processes of their own.
func (c *common) demoWorkers(cmd *cobra.Command, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd.Printf("\ntwo workers (gopyrpc run -n 2 %s)\n", workersProgram)
	out := &indented{w: cmd.OutOrStdout()}
	command := append([]string{self, "run", "--" + linesFlag, toLauncher, "--" + reportFlag}, given(cmd.InheritedFlags())...)
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

// indented puts two spaces before each line.
type indented struct {
	w      io.Writer
	within bool // a line that is not finished
}

func (i *indented) Write(text []byte) (int, error) {
	var out []byte
	for line := range bytes.Lines(text) {
		if !i.within {
			out = append(out, "  "...)
		}
		out = append(out, line...)
		i.within = line[len(line)-1] != '\n'
	}
	_, err := i.w.Write(out)
	return len(text), err
}
