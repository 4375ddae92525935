package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// selfTarget is the in-process callee.
const selfTarget = "self"

func callCommand(c *common) *cobra.Command {
	var kw []string
	var limit deadline
	r := &remoteCall{}
	cmd := &cobra.Command{
		Use:   "call TARGET MODULE:FUNCTION [ARG...]",
		Short: "Call a Python function with literal arguments",
		Long: `call makes a PythonUDF of a function and arguments, runs it at the target, and prints what it
returned. Arguments are Python literals: 3, 2.5, '"text"', '[1, 2]'; write -- before a negative number.
The target is a worker, whose address --peer or ` + peersVariable + ` gives, or "self", a Python inside this process.
A worker's functions need not be importable here. --json prints one line of JSON that loses nothing, by the table in
JSON.md, or {"error": {"type", "message", "traceback"}}; what Python code prints goes to standard error then.`,
		Example: "  gopyrpc call self math:hypot 3 4\n  gopyrpc call --peer w0=127.0.0.1:29500 w0 math:hypot 3 4\n" +
			"  gopyrpc call self builtins:sorted '[3, 1, 2]' --kw reverse=True\n  gopyrpc call self math:fabs -- -3",
		Args: arguments(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := parseCall(args[1], args[2:], kw)
			if err != nil {
				return err
			}
			if err := limit.check(); err != nil {
				return err
			}
			limit.began = make(chan context.Context, 1)
			c.deadline = limit // not before: other commands share c, and have no end
			c.what = args[1]
			if args[0] != selfTarget {
				c.what += " at " + args[0]
				return c.callWorker(cmd, r, args[0], request)
			}
			return c.withHandler(cmd, func(ctx context.Context, rt *pybridge.Runtime, h *handler.Handler) error {
				ctx, cancel := c.deadline.begin(ctx)
				defer cancel()
				return c.call(ctx, cmd, rt, h, h.RunUDF, request)
			})
		},
	}
	c.moduleFlag(cmd)
	c.jsonFlag(cmd)
	r.add(cmd)
	limit.flag(cmd)
	cmd.Flags().StringArrayVar(&kw, "kw", nil, "keyword argument `name=literal`; may be repeated")
	return cmd
}

// request is a call as the command line says it: everything still text.
type request struct {
	module, function string
	args             []string
	kwargs           []keyword // in the order given, which **kwargs shows
}

type keyword struct{ name, literal string }

func parseCall(target string, args, kw []string) (request, error) {
	r := request{args: args}
	var ok bool
	if r.module, r.function, ok = strings.Cut(target, ":"); !ok || r.module == "" || r.function == "" {
		return r, &usageError{fmt.Errorf("%q is not of the form module:function, such as math:hypot", target)}
	}
	for _, pair := range kw {
		name, literal, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return r, &usageError{fmt.Errorf("--kw %q is not of the form name=literal", pair)}
		}
		if slices.ContainsFunc(r.kwargs, func(k keyword) bool { return k.name == name }) {
			return r, &usageError{fmt.Errorf("--kw %s is given twice", name)}
		}
		r.kwargs = append(r.kwargs, keyword{name, literal})
	}
	return r, nil
}

// runner runs a pickled PythonUDF: [handler.Handler.RunUDF], or what does the same elsewhere.
type runner func(context.Context, handler.Payload) (handler.Payload, error)

func (c *common) call(ctx context.Context, cmd *cobra.Command, rt *pybridge.Runtime, h *handler.Handler, run runner, r request) error {
	ctx = gil.WithLabel(ctx, r.module+":"+r.function) // for the list of what did not end
	if c.json {
		if err := gil.With(ctx, func(t gil.Token) error { return keepStdout(t, rt) }); err != nil {
			return err
		}
	}
	udf, err := buildUDF(ctx, rt, c.module, r)
	if err != nil {
		return err
	}
	defer udf.Release()
	result, err := roundTrip(ctx, h, run, udf)
	if err != nil {
		return err
	}
	defer result.Release()
	if err := h.HandleException(ctx, result); err != nil {
		return c.raisedBy(err)
	}
	return gil.With(ctx, func(t gil.Token) error { return c.printResult(t, cmd, rt, result) })
}

// roundTrip sends an object the way a request goes: pickled, run, unpickled.
func roundTrip(ctx context.Context, h *handler.Handler, run runner, udf *pybridge.Object) (*pybridge.Object, error) {
	payload, err := h.Serialize(ctx, udf)
	if err != nil {
		return nil, err
	}
	defer payload.Release()
	result, err := run(ctx, payload)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	return h.Deserialize(ctx, result)
}
