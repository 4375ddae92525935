package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// common are the flags of every command that starts Python.
type common struct {
	python  string
	library string
	path    []string
	module  string
	json    bool
	verbose bool

	// of call
	deadline deadline
	what     string // the call, as errors name it
	answered bool   // the result was printed as JSON
}

func newRoot(c *common) *cobra.Command {
	root := &cobra.Command{
		Use:           "gopyrpc",
		Short:         "Run Python functions inside a Go process",
		Long:          "gopyrpc runs pickled Python functions with whatever CPython " + discover.SupportedVersions() + " it finds.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.Version = version
	root.SetVersionTemplate(versionLine() + "\n")
	root.SuggestionsMinimumDistance = 2
	flags := root.PersistentFlags()
	flags.StringVar(&c.python, "python", "", "`interpreter` to use (default: GOPYRPC_PYTHON, $VIRTUAL_ENV/bin/python, python3 on PATH)")
	flags.StringVar(&c.library, "library", "", "`file` libpython3.X.so to load, where it cannot be found")
	flags.StringArrayVar(&c.path, "path", nil, "`folder` to import modules from; may be repeated")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "log what the bridge does, to stderr")
	for _, add := range []func(*common) *cobra.Command{agentCommand, callCommand, runCommand, udfCommand, demoCommand, doctorCommand, tokenCommand, versionCommand} {
		root.AddCommand(add(c))
	}
	addCompletions(root)
	return root
}

// usageError is a wrong command line: exit status 2.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// arguments wraps cobra's check of positional arguments.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// keptMemory is for programs whose calls carry megabytes: enough for a few at a time.
const keptMemory = 64 << 20

func (c *common) options(cmd *cobra.Command, more ...pybridge.Option) []pybridge.Option {
	opts := []pybridge.Option{
		pybridge.WithPython(c.python), pybridge.WithLibrary(c.library), pybridge.WithPath(c.path...),
		pybridge.WithKeptMemory(keptMemory),
	}
	if c.verbose {
		opts = append(opts, pybridge.WithLogger(slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelDebug}))))
	}
	return append(opts, more...)
}

// moduleFlag and jsonFlag are for the commands that have them.
func (c *common) moduleFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.module, "module", handler.OwnModule, "RPC `module`, such as "+handler.TorchModule)
}

func (c *common) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
}

// explain is an error as a person at a terminal wants it: the reason, and where it came from.
func explain(err error) string {
	var e *pybridge.Error
	if !errors.As(err, &e) {
		return inFlags(err)
	}
	text := err.Error()
	var raised *raisedError
	if errors.As(err, &raised) { // has its causes in its traceback
		return text
	}
	for cause := e.Cause; cause != nil; cause = cause.Cause {
		if line := cause.Error(); !strings.Contains(text, line) {
			text += "\n  because of " + line
		}
	}
	return text + advice(err)
}

// advice is for a function whose module was not found here.
func advice(err error) string {
	var raised *raisedError
	var e *pybridge.Error
	if errors.As(err, &raised) || !errors.As(err, &e) {
		return ""
	}
	if e.Is(pybridge.ModuleNotFoundError) || e.Cause != nil && e.Cause.Is(pybridge.ModuleNotFoundError) {
		return "\n  (name the folder of the module with --path)"
	}
	return ""
}
