// Command benchmark measures the bridge against what it is compared with, side by side in one run: calls of the handler
// beside the same calls made in C, starting beside python3, and calls between workers beside torch's TensorPipe.
//
//	go run ./benchmark                      every figure, some minutes
//	go run ./benchmark --only attach_ns     one figure
//	go run ./benchmark growth               how calls between workers fare as there are more of them
//
// It is a command by itself, and no part of gopyrpc, so that users link nothing of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func main() {
	// As gopyrpc has it: the garbage collector runs as often here as there.
	ballast := make([]byte, 16<<20)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	runtime.KeepAlive(ballast)
	os.Exit(status)
}

// run is main with its surroundings as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root, o := newRoot()
	defer o.command.remove()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, "benchmark:", err)
		return 1
	}
	return 0
}

// options are the flags that all commands have.
type options struct {
	python  string
	json    bool
	command command
}

func newRoot() (*cobra.Command, *options) {
	o := &options{}
	var only []string
	var rounds int
	var startOnly bool
	cmd := &cobra.Command{
		Use:   "benchmark",
		Short: "Measure gopyrpc against what it is compared with",
		Long: `benchmark measures, side by side in one run, and prints the median, the smallest and the largest of
several rounds. Figures are ratios unless their unit says otherwise:

  ` + strings.Join(Keys(), "\n  "),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if startOnly {
				return o.withRuntime(cmd.Context(), func(context.Context, *pybridge.Runtime) error { return nil })
			}
			if rounds < 1 {
				return fmt.Errorf("--rounds %d: at least 1", rounds)
			}
			list, err := Select(only)
			if err != nil {
				return err
			}
			return o.measure(cmd, list, rounds)
		},
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&o.python, "python", "", "`interpreter` to use (default: GOPYRPC_PYTHON, $VIRTUAL_ENV/bin/python, python3 on PATH)")
	flags.StringVar(&o.command.given, "gopyrpc", "", "the command whose workers are measured, a `file` (default: one built of this source)")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().StringSliceVar(&only, "only", nil, "`figures` to measure, separated by commas")
	cmd.Flags().IntVar(&rounds, "rounds", 15, "rounds of each figure")
	cmd.Flags().BoolVar(&startOnly, "start-only", false, "start and close Python, nothing else (what start_vs_python runs)")
	_ = cmd.Flags().MarkHidden("start-only")
	cmd.AddCommand(growthCommand(o), hostCommand(o))
	return cmd, o
}

// withRuntime starts Python as gopyrpc does, runs f, and closes Python.
func (o *options) withRuntime(ctx context.Context, f func(context.Context, *pybridge.Runtime) error, more ...pybridge.Option) (err error) {
	rt, err := pybridge.Start(ctx, append(more, pybridge.WithPython(o.python), pybridge.WithKeptMemory(64<<20))...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	return f(ctx, rt)
}

func (o *options) measure(cmd *cobra.Command, list []Measurement, rounds int) error {
	return o.withRuntime(cmd.Context(), func(ctx context.Context, rt *pybridge.Runtime) error {
		h, err := handler.New(ctx, rt)
		if err != nil {
			return err
		}
		setup, err := o.setup(rt, rounds)
		if err != nil {
			return err
		}
		setup.Handler = h
		if isTerminal(cmd.ErrOrStderr()) { // all of it takes minutes
			setup.Progress = func(key string, number, of int) {
				cmd.PrintErrf("benchmark: measuring %s (%d of %d)\n", key, number, of)
			}
		}
		result, err := Measure(ctx, setup, list)
		if err != nil {
			return err
		}
		return o.print(cmd, result, result.Table(list))
	})
}

func (o *options) setup(rt *pybridge.Runtime, rounds int) (*Setup, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	python, _, _ := rt.Interpreter()
	return &Setup{Runtime: rt, Self: self, Command: &o.command, Python: python, Rounds: rounds}, nil
}

// print prints a result: as JSON where that is wanted, else as text.
func (o *options) print(cmd *cobra.Command, result any, text string) error {
	if o.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// isTerminal says whether a person may be watching.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
