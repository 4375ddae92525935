package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Types of errors that are no Python exceptions, and those of [agent.Error], which are the names of gRPC's codes.
const (
	typeUsage   = "usage"   // a wrong command line
	typeTimeout = "timeout" // the end of --timeout
	typeStopped = "stopped" // a signal
	typeFailure = "failure" // anything else, such as a Python that cannot be started
)

// jsonError is what call --json prints where there is no result. All keys are always there.
type jsonError struct {
	Type      string `json:"type"` // a Python class, as in "json.decoder.JSONDecodeError", builtins bare; or one of the above
	Message   string `json:"message"`
	Traceback string `json:"traceback"` // as Python prints it, but for frames of the package itself; empty where there is none
}

// answersJSON says whether the command's caller reads JSON. It finds the flag also in a command line that could not be
// read as far as the flag.
func (c *common) answersJSON(cmd *cobra.Command, args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return cmd != nil && cmd.Name() == "call" && (c.json || slices.Contains(args, "--json"))
}

// reportJSON prints what a call failed with, once: a call that has answered already failed after that, and where its
// answer was read nobody expects another. Then, and of a join that failed besides, standard error is told.
func (c *common) reportJSON(err error, stdout, stderr io.Writer) int {
	if c.answered {
		return report(err, stderr)
	}
	var both *failures
	if errors.As(err, &both) {
		_ = report(both.join, stderr)
		err = both.command
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]jsonError{"error": describe(err, c.verbose)}); err != nil {
		return report(err, stderr)
	}
	fmt.Fprintln(stdout, printableJSON(string(bytes.TrimSpace(text.Bytes()))))
	return statusOf(err)
}

func describe(err error, verbose bool) jsonError {
	var raised *pybridge.Error
	var late *timeoutError
	var usage *usageError
	var stopped *signalError
	var remote *agent.Error
	d := jsonError{Type: typeFailure, Message: explain(err)}
	switch {
	case errors.As(err, &usage):
		d.Type = typeUsage
	case errors.As(err, &late):
		d.Type, d.Message, d.Traceback = typeTimeout, late.headline(), stackOf(err, verbose)
	case errors.As(err, &stopped):
		d.Type, d.Traceback = typeStopped, stackOf(err, verbose)
	case errors.As(err, &raised):
		d = jsonError{Type: raised.Type, Message: raised.Message + advice(err), Traceback: traceback(raised, verbose)}
		if len(raised.MRO) > 0 {
			d.Type = raised.MRO[0]
		}
	case errors.As(err, &remote):
		d.Type = remote.Code.String()
	case errors.Is(err, context.Canceled):
		d.Type = typeStopped
	}
	return d
}
