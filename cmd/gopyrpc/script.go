package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func runCommand(c *common) *cobra.Command {
	f := &agentFlags{}
	var workers int
	var how manner
	cmd := &cobra.Command{
		Use:   "run [-n WORKERS] SCRIPT.py [ARG...]",
		Short: "Run a Python program inside this process, or in a group of such",
		Long: `run executes a Python program as __main__ in the Python inside this process. The program can
"import gopyrpc", and start an agent with gopyrpc.init_rpc; the flags say who may call that. sys.argv is as with
python3 SCRIPT.py ARG..., and modules beside the script are importable. sys.exit ends the command with its
status. PYTHONUNBUFFERED has output written at once, as with python3.

With -n the program runs in that many processes, with the environment that torchrun gives: RANK, LOCAL_RANK,
WORLD_SIZE, LOCAL_WORLD_SIZE, and MASTER_ADDR and MASTER_PORT of this machine unless both are set. Lines of
output begin with the rank; one that is not finished is shown after a tenth of a second. When a worker fails the others
are ended; the one that failed first, and not for want of another, is named, and its status is the command's.`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed(workersFlag) {
				return c.launchScript(cmd, workers, f, args)
			}
			return c.runScript(cmd, f, how, args)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&workers, workersFlag, "n", 0, "run that many `workers`, each in a process of its own")
	cmd.Flags().BoolVar(&how.lines, linesFlag, false, "write each line when it is complete, as at a terminal (what -n has workers do)")
	_ = cmd.Flags().MarkHidden(linesFlag)
	cmd.Flags().IntVar(&how.launcher, launcherFlag, 0, "tell `descriptor` when the program has failed (what -n has workers do)")
	_ = cmd.Flags().MarkHidden(launcherFlag)
	cmd.Flags().BoolVar(&how.reports, reportFlag, false, "print what became of each agent when it left, and of Python at the end")
	cmd.Flags().SetInterspersed(false) // what follows the script is the script's
	return cmd
}

// manner is how a program is run besides what it does.
type manner struct {
	lines, reports bool
	launcher       int // descriptor, 0 for none
}

func (c *common) runScript(cmd *cobra.Command, f *agentFlags, how manner, args []string) error {
	if how.launcher > 0 {
		syscall.CloseOnExec(how.launcher) // it is for this process alone
	}
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
	if how.reports {
		config.Left = func(name string, r cleanup.Report) { printReport(cmd, "join of agent "+name, r) }
	}
	report, err := c.joined(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		if err := pyworker.Provide(ctx, rt, config); err != nil {
			return err
		}
		err := gil.With(gil.WithLabel(ctx, args[0]), func(t gil.Token) error {
			if how.lines || how.reports || os.Getenv(unbufferedVariable) != "" { // reports come when they come
				if err := writeLines(t, rt); err != nil {
					return err
				}
			}
			source, err := decode(t, rt, file)
			if err != nil {
				return err
			}
			return rt.RunMain(t, source, args[0])
		})
		return programEnded(cmd, how.launcher, err)
	}, pybridge.WithArgv(args...))
	if how.reports {
		printReport(cmd, "join of the process", report)
	}
	return err
}

// printReport prints at once what belongs together: Python may be printing too.
func printReport(cmd *cobra.Command, of string, r cleanup.Report) {
	if len(r.Steps) > 0 {
		cmd.Print(printable(of + "\n" + indent(r.String())))
	}
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
