package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/internal/cpython/discover"
	"github.com/pyrpc/pyrpc/pybridge"
)

func doctorCommand(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which Python would run, what is wrong with it, and what to do",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd) },
	}
	c.jsonFlag(cmd)
	return cmd
}

// diagnosis adds to the running interpreter's what else the machine has.
type diagnosis struct {
	pybridge.Diagnosis
	Others  []string `json:"other_interpreters"`
	Refused []string `json:"refused_interpreters"`
}

func (c *common) doctor(cmd *cobra.Command) error {
	var d diagnosis
	found, refused := discover.Survey(cmd.Context(), discover.Options{})
	for _, python := range found {
		d.Others = append(d.Others, python.String())
	}
	for _, err := range refused {
		d.Refused = append(d.Refused, err.Error())
	}
	err := c.withRuntime(cmd, func(ctx context.Context, rt *pybridge.Runtime) (err error) {
		d.Diagnosis, err = rt.Diagnose(ctx)
		return err
	})
	if err != nil && c.json { // whoever reads it wants to read this too
		d.Problems = append(d.Problems, pybridge.Problem{What: err.Error(), Remedy: "name one of other_interpreters with --python"})
		return errors.Join(err, d.encode(cmd))
	}
	if err != nil {
		return d.withSurvey(err)
	}
	if c.json {
		err = d.encode(cmd)
	} else {
		d.print(cmd)
	}
	if err == nil && len(d.Problems) > 0 {
		return fmt.Errorf("%d problems found", len(d.Problems))
	}
	return err
}

func (d diagnosis) encode(cmd *cobra.Command) error {
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// withSurvey adds to a failed start which other interpreters would do.
func (d diagnosis) withSurvey(err error) error {
	if len(d.Others) == 0 {
		return err
	}
	return fmt.Errorf("%w\nusable instead, with --python:\n  %s", err, strings.Join(d.Others, "\n  "))
}

func (d diagnosis) print(cmd *cobra.Command) {
	row := func(name string, value any) { cmd.Printf("%-22s %v\n", name, value) }
	row("interpreter", fmt.Sprintf("%s (from %s)", d.Executable, d.Source))
	row("library", d.Library)
	row("version", d.Version)
	row("built with", d.Go)
	if d.Stack != nil {
		row("stack", d.Stack)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Python)) {
		row(name, d.Python[name])
	}
	for _, other := range d.Others {
		row("also usable", other)
	}
	for _, refused := range d.Refused {
		row("not usable", refused)
	}
	if len(d.Problems) == 0 {
		cmd.Println("no problems found")
	}
	for _, p := range d.Problems {
		row("PROBLEM", p)
	}
}
