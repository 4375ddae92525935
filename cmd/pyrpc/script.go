package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/agent/pyworker"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

func runCommand(c *common) *cobra.Command {
	f := &agentFlags{}
	cmd := &cobra.Command{
		Use:   "run SCRIPT.py [ARG...]",
		Short: "Run a Python program inside this process",
		Long: `run executes a Python program as __main__ in the Python inside this process. The program can
"import pyrpc", and start an agent with pyrpc.init_rpc; the flags say who may call that. sys.argv is as with
python3 SCRIPT.py ARG..., and modules beside the script are importable. sys.exit ends the command with its
status.`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runScript(cmd, f, args) },
	}
	f.add(cmd)
	cmd.Flags().SetInterspersed(false) // what follows the script is the script's
	return cmd
}

func (c *common) runScript(cmd *cobra.Command, f *agentFlags, args []string) error {
	config, err := f.config(c, cmd)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("the script cannot be read: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(args[0]))
	if err != nil {
		return err
	}
	c.path = append([]string{dir}, c.path...)
	return c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		if err := pyworker.Provide(ctx, rt, config); err != nil {
			return err
		}
		return scriptError(gil.With(gil.WithLabel(ctx, args[0]), func(t gil.Token) error {
			source, err := decode(t, rt, file)
			if err != nil {
				return err
			}
			return rt.RunMain(t, source, args[0])
		}))
	}, pybridge.WithArgv(args...))
}

// decode reads source as Python does: UTF-8, unless a byte order mark or a coding line says otherwise.
// Python is asked only then: it has to import half a dozen modules for the answer.
func decode(t gil.Token, rt *pybridge.Runtime, file []byte) (string, error) {
	if utf8.Valid(file) && !bytes.HasPrefix(file, []byte("\ufeff")) && !coding.Match(file) {
		return string(file), nil
	}
	decodeSource, err := resolve(t, rt, "importlib.util", "decode_source")
	if err != nil {
		return "", err
	}
	defer decodeSource.Release()
	source, err := decodeSource.Call(t, file)
	if err != nil {
		return "", err
	}
	defer source.Release()
	return pybridge.As[string](t, source)
}

// coding finds a coding line among the first two (PEP 263).
var coding = regexp.MustCompile(`\A(?:[^\n]*\n)?[ \t\f]*#[^\n]*coding[:=]`)
