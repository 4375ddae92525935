package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/handler"
	"github.com/pyrpc/pyrpc/pybridge"
)

func runCommand(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run SCRIPT.py [ARG...]",
		Short: "Run a Python program inside this process",
		Long: `run executes a Python program as __main__ in the Python inside this process. The program can
"import pyrpc". sys.argv is as with python3 SCRIPT.py ARG..., and modules beside the script are
importable. sys.exit ends the command with its status.`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runScript(cmd, args) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the script is the script's
	return cmd
}

func (c *common) runScript(cmd *cobra.Command, args []string) error {
	source, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("the script cannot be read: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(args[0]))
	if err != nil {
		return err
	}
	c.path = append([]string{dir}, c.path...)
	err = c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		if _, err := handler.New(ctx, rt); err != nil { // makes "import pyrpc" work
			return err
		}
		return gil.With(gil.WithLabel(ctx, args[0]), func(t gil.Token) error { return rt.RunMain(t, string(source), args[0]) })
	}, pybridge.WithArgv(args...))
	return scriptError(err)
}
