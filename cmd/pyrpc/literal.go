package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
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

// printable replaces what a terminal cannot show: lone surrogates are no UTF-8.
func printable(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// plain makes a value encoding/json can write: dicts become objects, sets and tuples arrays.
func plain(v any) any {
	switch v := v.(type) {
	case pybridge.Dict:
		m := make(map[string]any, len(v))
		for _, item := range v {
			m[key(item.Key)] = plain(item.Value)
		}
		return m
	case []any:
		return plainList(v)
	case pybridge.Tuple:
		return plainList(v)
	case pybridge.Set:
		return plainList(v)
	case pybridge.FrozenSet:
		return plainList(v)
	case complex128:
		return []float64{real(v), imag(v)}
	}
	return v
}

// key is a dict's key as the text that json.dumps makes of it.
func key(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}

func plainList(values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = plain(v)
	}
	return out
}
