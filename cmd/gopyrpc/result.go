package main

import (
	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// jsonModule writes Python values as the JSON of JSON.md.
const jsonModule = pyname.Package + "._json.dump"

// printResult prints what a call returned: its repr, or JSON.
func (c *common) printResult(t gil.Token, cmd *cobra.Command, rt *pybridge.Runtime, result *pybridge.Object) error {
	if !c.json {
		text, err := result.Repr(t)
		if err == nil {
			flushStdout(t, rt)
			cmd.Println(printable(text))
		}
		return err
	}
	dumped, err := call(t, rt, jsonModule, "dumps", result)
	if err != nil {
		return err
	}
	defer dumped.Release()
	text, err := pybridge.As[string](t, dumped)
	if err == nil {
		c.answered = true
		cmd.Println(printableJSON(text))
	}
	return err
}

// keepStdout has what Python code prints go to standard error, so that standard output is the JSON and nothing else.
func keepStdout(t gil.Token, rt *pybridge.Runtime) error {
	sys, err := rt.Import(t, "sys")
	if err != nil {
		return err
	}
	defer sys.Release()
	stderr, err := sys.Attr(t, "stderr")
	if err != nil {
		return err
	}
	defer stderr.Release()
	return sys.SetAttr(t, "stdout", stderr)
}
