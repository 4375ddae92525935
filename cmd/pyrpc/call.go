package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/handler"
	"github.com/pyrpc/pyrpc/pybridge"
)

// selfTarget is the in-process callee.
const selfTarget = "self"

func callCommand(c *common) *cobra.Command {
	var kw []string
	cmd := &cobra.Command{
		Use:   "call TARGET MODULE:FUNCTION [ARG...]",
		Short: "Call a Python function with literal arguments",
		Long: `call makes a PythonUDF of a function and arguments, runs it at the target, and prints what it
returned. Arguments are Python literals: 3, 2.5, '"text"', '[1, 2]'; write -- before a negative number.
The target "self" is a Python inside this process.`,
		Example: "  pyrpc call self math:hypot 3 4\n  pyrpc call self builtins:sorted '[3, 1, 2]' --kw reverse=True\n  pyrpc call self math:fabs -- -3",
		Args:    arguments(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != selfTarget {
				return &usageError{fmt.Errorf("no target %q: this build calls only %q, a Python inside this process", args[0], selfTarget)}
			}
			request, err := parseCall(args[1], args[2:], kw)
			if err != nil {
				return err
			}
			return c.withHandler(cmd, func(ctx context.Context, rt *pybridge.Runtime, h *handler.Handler) error {
				return c.call(ctx, cmd, rt, h, request)
			})
		},
	}
	c.moduleFlag(cmd)
	c.jsonFlag(cmd)
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

func (c *common) call(ctx context.Context, cmd *cobra.Command, rt *pybridge.Runtime, h *handler.Handler, r request) error {
	ctx = gil.WithLabel(ctx, r.module+":"+r.function) // for the list of what did not end
	udf, err := buildUDF(ctx, rt, c.module, r)
	if err != nil {
		return err
	}
	defer udf.Release()
	result, err := roundTrip(ctx, h, udf)
	if err != nil {
		return err
	}
	defer result.Release()
	if err := h.HandleException(ctx, result); err != nil {
		var e *pybridge.Error
		if errors.As(err, &e) {
			return fmt.Errorf("%s:%s raised\n%+v", r.module, r.function, e)
		}
		return err
	}
	return gil.With(ctx, func(t gil.Token) error { return c.printResult(t, cmd, result) })
}

// roundTrip sends an object the way a request goes: pickled, run, unpickled.
func roundTrip(ctx context.Context, h *handler.Handler, udf *pybridge.Object) (*pybridge.Object, error) {
	payload, err := h.Serialize(ctx, udf)
	if err != nil {
		return nil, err
	}
	defer payload.Release()
	result, err := h.RunUDF(ctx, payload)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	return h.Deserialize(ctx, result)
}

func (c *common) printResult(t gil.Token, cmd *cobra.Command, result *pybridge.Object) error {
	if !c.json {
		text, err := result.Repr(t)
		if err == nil {
			cmd.Println(printable(text))
		}
		return err
	}
	v, err := pybridge.As[any](t, result)
	if err != nil {
		return fmt.Errorf("the result has no JSON form: %w", err)
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain(v)); err != nil {
		return fmt.Errorf("the result has no JSON form: %w", err)
	}
	return nil
}
