package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/carry"
	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
)

// workersProgram is that of the demonstration's second half.
const workersProgram = "demo_workers.py"

// demoWorkers shows two agents in processes of their own.
func (c *common) demoWorkers(cmd *cobra.Command, dir string) error {
	cmd.Printf("\ntwo workers (gopyrpc run -n 2 --report %s)\n", workersProgram)
	p, err := c.pythonFor(cmd.Context(), settings.Values{}, true)
	if errors.Is(err, carry.ErrNone) {
		cmd.Printf("  skipped: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	p.environ = append(p.environ, settings.Of("print-failures").Variable()+"=0") // what is raised is shown where it arrives
	out := &indented{w: cmd.OutOrStdout()}
	group := &launch.Group{
		Workers: 2, Command: []string{p.executable, filepath.Join(dir, workersProgram)}, Environ: p.environ, Grace: launchGrace,
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
