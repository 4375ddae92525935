package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// buildUDF imports the function and evaluates the literals, all in Python.
func buildUDF(ctx context.Context, rt *pybridge.Runtime, rpcModule string, r request) (udf *pybridge.Object, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		fn, err := resolve(t, rt, r.module, r.function)
		if err != nil {
			return err
		}
		defer fn.Release()
		args := pybridge.Tuple{}
		for i, text := range r.args {
			v, err := literal(t, rt, text)
			if err != nil {
				return badLiteral(fmt.Sprintf("argument %d", i+1), text, err)
			}
			defer v.Release()
			args = append(args, v)
		}
		kwargs := pybridge.Dict{}
		for _, k := range r.kwargs {
			v, err := literal(t, rt, k.literal)
			if err != nil {
				return badLiteral("--kw "+k.name, k.literal, err)
			}
			defer v.Release()
			kwargs = append(kwargs, pybridge.DictItem{Key: k.name, Value: v})
		}
		udf, err = newUDF(t, rt, rpcModule, fn, args, kwargs)
		return err
	})
	return udf, err
}

func newUDF(t gil.Token, rt *pybridge.Runtime, rpcModule string, fn *pybridge.Object, args pybridge.Tuple, kwargs pybridge.Dict) (*pybridge.Object, error) {
	class, err := resolve(t, rt, rpcModule, "PythonUDF")
	if err != nil {
		return nil, err
	}
	defer class.Release()
	return class.Call(t, fn, args, kwargs)
}

// resolve imports the module and walks the dotted name.
func resolve(t gil.Token, rt *pybridge.Runtime, module, name string) (*pybridge.Object, error) {
	o, err := rt.Import(t, module)
	if err != nil {
		return nil, err
	}
	for _, part := range strings.Split(name, ".") {
		next, err := o.Attr(t, part)
		o.Release()
		if err != nil {
			return nil, err
		}
		o = next
	}
	return o, nil
}

func literal(t gil.Token, rt *pybridge.Runtime, text string) (*pybridge.Object, error) {
	eval, err := resolve(t, rt, "ast", "literal_eval")
	if err != nil {
		return nil, err
	}
	defer eval.Release()
	return eval.Call(t, text)
}

// badLiteral says what was wrong with the text. What literal_eval says is about its own inside.
func badLiteral(what, text string, err error) error {
	if errors.Is(err, pybridge.ValueError) || errors.Is(err, pybridge.SyntaxError) {
		return &usageError{fmt.Errorf("%s is no Python literal: %s (text needs quotes of its own: '\"text\"')", what, text)}
	}
	return &usageError{fmt.Errorf("%s is no Python literal: %s: %w", what, text, err)}
}
