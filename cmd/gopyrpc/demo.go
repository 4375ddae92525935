package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const demoModule = "demo_udfs"

// demoFiles are the Python modules of the demonstration. They are part of the command, so that it can show the
// demonstration wherever it is installed.
//
//go:embed demo/demo_*.py
var demoFiles embed.FS

func demoCommand(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the main job: functions run, fail, and come back, here and between workers",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return c.demo(cmd) },
	}
}

// unpackDemo writes the modules into a folder of their own: Python imports them from files, and shows their lines in
// tracebacks.
func unpackDemo(ctx context.Context) (dir string, remove func(), err error) {
	parent, err := os.MkdirTemp("", "gopyrpc-demo")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(parent) }
	beforeStopAtOnce(ctx, remove)
	if err := os.CopyFS(parent, demoFiles); err != nil {
		remove()
		return "", nil, err
	}
	return filepath.Join(parent, "demo"), remove, nil
}

// demo is one run of the demonstration.
type demo struct {
	cmd     *cobra.Command
	rt      *pybridge.Runtime
	failed  int
	handler *handler.Handler
	module  string
}

func (c *common) demo(cmd *cobra.Command) error {
	dir, remove, err := unpackDemo(cmd.Context())
	if err != nil {
		return err
	}
	defer remove()
	c.path = append(c.path, dir)
	d := &demo{cmd: cmd}
	report, err := c.joined(cmd, d.run)
	if err != nil {
		return err
	}
	cmd.Printf("\njoin\n%s", indent(report.String()))
	cmd.Printf("  references still owned: %d\n", pybridge.Owned())
	if d.failed > 0 {
		return fmt.Errorf("%d calls did not end as they should", d.failed)
	}
	return c.demoWorkers(cmd, dir)
}

func (d *demo) run(ctx context.Context, rt *pybridge.Runtime) error {
	d.rt = rt
	executable, library, source := rt.Interpreter()
	d.cmd.Printf("python %s: %s (from %s)\n  library %s\n", rt.Version(), executable, source, library)
	h, err := handler.New(ctx, rt)
	if err != nil {
		return err
	}
	if err := d.calls(ctx, h, ownCalls); err != nil {
		return err
	}
	if err := d.torchCalls(ctx, executable); err != nil {
		return err
	}
	d.printGIL()
	return nil
}

// torchCalls makes the calls of torch's module, or says why not.
func (d *demo) torchCalls(ctx context.Context, executable string) error {
	h, err := handler.New(ctx, d.rt, handler.WithModule(handler.TorchModule))
	switch {
	case errors.Is(err, pybridge.ModuleNotFoundError):
		d.cmd.Printf("\n%s\n  skipped: this Python has no PyTorch; on Debian: apt install python3-torch, else: %s -m pip install torch\n",
			handler.TorchModule, executable)
		return nil
	case errors.Is(err, pybridge.ImportError): // one that lies where this Python looks, but was built for another
		reason, _, _ := strings.Cut(err.Error(), "\n")
		d.cmd.Printf("\n%s\n  skipped: this Python cannot import the PyTorch that it finds: %s\n", handler.TorchModule, reason)
		return nil
	case err != nil:
		return err
	}
	return d.calls(ctx, h, torchCalls)
}

func (d *demo) calls(ctx context.Context, h *handler.Handler, list []demoCall) error {
	d.handler, d.module = h, h.Module()
	d.cmd.Printf("\n%s\n", d.module)
	for i, call := range list {
		outcome, err := d.perform(ctx, call)
		if err != nil {
			return err
		}
		mark := "as it should"
		if !outcome.is(call.want) {
			d.failed++
			mark = "UNEXPECTED"
		}
		d.cmd.Printf("  %d. %s\n     %s: %d bytes%s in, %s, %s\n", i+1, call.name, outcome.kind, outcome.sent, outcome.tensors, outcome.received, mark)
		d.cmd.Printf("     %s\n", strings.ReplaceAll(printable(outcome.text), "\n", "\n     "))
	}
	return nil
}

// perform makes the payload, runs it, and reads the result, as two agents would between them.
func (d *demo) perform(ctx context.Context, call demoCall) (o outcome, err error) {
	payload, err := d.payload(ctx, call)
	if err != nil {
		return o, fmt.Errorf("%s: making the payload: %w", call.name, err)
	}
	defer payload.Release()
	o.sent = len(payload.Data)
	if n := len(payload.Tensors); n > 0 {
		o.tensors = fmt.Sprintf(" and %d tensors", n)
	}
	o.received = "nothing out"
	result, err := d.handler.RunUDF(ctx, payload)
	if err != nil {
		o.kind, o.text = "no result", err.Error()
		return o, onlyPython(err)
	}
	defer result.Release()
	o.received = fmt.Sprintf("%d bytes out", len(result.Data))
	if n := len(result.Tensors); n > 0 {
		o.received = fmt.Sprintf("%d bytes and %d tensors out", len(result.Data), n)
	}
	return d.read(ctx, result, o)
}

func (d *demo) read(ctx context.Context, result handler.Payload, o outcome) (outcome, error) {
	value, err := d.handler.Deserialize(ctx, result)
	if err != nil {
		return o, err
	}
	defer value.Release()
	if err := d.handler.HandleException(ctx, value); err != nil {
		o.kind, o.text = "raised", raised(err)
		return o, onlyPython(err)
	}
	o.kind = "returned"
	return o, gil.With(ctx, func(t gil.Token) error {
		o.text, err = value.Repr(t)
		return err
	})
}

// onlyPython passes Python exceptions, which the demo shows, and stops at anything else.
func onlyPython(err error) error {
	var e *pybridge.Error
	if errors.As(err, &e) {
		return nil
	}
	return err
}

// raised is the exception's class, its base, and the first lines of its text: torch's begins with a
// line that says where it was raised.
func raised(err error) string {
	var e *pybridge.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	lines := strings.SplitN(e.Message, "\n", 3)
	return strings.Join(e.MRO[:min(2, len(e.MRO))], " < ") + ": " + strings.Join(lines[:min(2, len(lines))], " ")
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}
