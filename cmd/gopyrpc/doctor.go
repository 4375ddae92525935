package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func doctorCommand(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which Python would run, what is wrong with it, and what to do",
		Long: `doctor starts the Python that any other command would start with these flags, and prints what it is, which packages it
has, which settings of python3's it ignores, and what the system allows. The exit status is 1 if there is a problem.
--verbose adds what Python says of itself; --json prints all of it.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd) },
	}
	c.jsonFlag(cmd)
	return cmd
}

// diagnosis adds to the running interpreter's what is around it. Each field has a file of its own, doctor_….go, which
// finds it, prints it, and adds the problems it sees. No slice is nil, so that JSON has none that is null.
type diagnosis struct {
	pybridge.Diagnosis
	Packages []installed `json:"packages"`
	Ignored  []ignored   `json:"ignored"`
	System   system      `json:"system"`
	Others   []string    `json:"other_interpreters"`
	Refused  []string    `json:"refused_interpreters"`
}

func (c *common) doctor(cmd *cobra.Command) error {
	d := &diagnosis{Packages: []installed{}, Ignored: []ignored{}, Others: []string{}, Refused: []string{}}
	d.Problems, d.Python = []pybridge.Problem{}, map[string]any{}
	found, refused := discover.Survey(cmd.Context(), discover.Options{})
	for _, python := range found {
		d.Others = append(d.Others, python.String())
	}
	for _, err := range refused {
		d.Refused = append(d.Refused, err.Error())
	}
	err := c.withRuntime(cmd, d.look)
	d.examine(c)
	if err != nil && c.json { // a program that reads the table reads the error there too
		d.problem(err.Error(), "name one of other_interpreters with --python")
		return errors.Join(err, d.encode(cmd))
	}
	if err != nil {
		return d.withSurvey(err)
	}
	if c.json {
		err = d.encode(cmd)
	} else {
		d.print(cmd, c.verbose)
	}
	if n := len(d.Problems); err == nil && n > 0 {
		return fmt.Errorf("%d problem%s found", n, plural(n))
	}
	return err
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// look is what needs the interpreter to run.
func (d *diagnosis) look(ctx context.Context, rt *pybridge.Runtime) error {
	inside, err := rt.Diagnose(ctx)
	if err != nil {
		return err
	}
	inside.Problems = append(d.Problems, inside.Problems...)
	d.Diagnosis = inside
	if err := d.lookForPackages(ctx, rt); err != nil {
		return err
	}
	return d.lookForUserSite(ctx, rt)
}

// examine is what can be seen without, or after it.
func (d *diagnosis) examine(c *common) {
	d.examineFolders(c.path)
	d.examineEnvironment()
	d.examineVirtualEnvironment()
	d.examineSystem()
}

func (d *diagnosis) problem(what, remedy string) {
	d.Problems = append(d.Problems, pybridge.Problem{What: what, Remedy: remedy})
}

func (d *diagnosis) encode(cmd *cobra.Command) error {
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// withSurvey adds to a failed start which other interpreters would do.
func (d *diagnosis) withSurvey(err error) error {
	if len(d.Others) == 0 {
		return err
	}
	return fmt.Errorf("%w\nusable instead, with --python:\n  %s", err, strings.Join(d.Others, "\n  "))
}
