package pyworker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// FromEnvironment is for [ProvideAs]: the options of the program come before the variables of its environment, and the
// agent logs to standard error, where what a function raises is printed, too.
func FromEnvironment(_ context.Context, asked Asked) (Config, error) {
	said := asked.all()
	config, err := config(said, os.Stderr, true)
	return config, errors.Join(asked.misspelt, err, said.CheckIdentity(false))
}

// all is both, the options first.
func (a Asked) all() settings.Values { return a.Environment.With(a.Options) }

// explain is an agent's error in the words of what the program can change.
func (a Asked) explain(err error) string { return a.all().Explain(err) }

// askedOf reads what a program says from the arguments with index i, its options, and i+1, its environment.
func askedOf(a arguments, i int) (asked Asked, err error) {
	options, err1 := dictOf[any](a, i)
	variables, err2 := dictOf[string](a, i+1)
	if err := errors.Join(err1, err2); err != nil {
		return asked, err
	}
	asked.misspelt = settings.Misspelt(slices.Sorted(maps.Keys(variables)))
	asked.Environment = settings.FromEnvironment(func(name string) (string, bool) {
		text, ok := variables[name]
		return text, ok
	})
	if asked.Options, err = settings.FromOptions(options); err != nil {
		return asked, &pythonError{pybridge.ValueError, err.Error(), err}
	}
	return asked, nil
}

// dictOf returns the argument with index i, a dict with texts as keys.
func dictOf[T any](a arguments, i int) (map[string]T, error) {
	dict, err := argument[pybridge.Dict](a, i)
	items := map[string]T{}
	for _, item := range dict {
		name, named := item.Key.(string)
		value, ok := item.Value.(T)
		if !named || !ok && item.Value != nil {
			return nil, fmt.Errorf("pyworker: argument %d has an item of a %T and a %T", i, item.Key, item.Value)
		}
		items[name] = value
	}
	return items, err
}

// pythonError is raised in Python as an exception of that class with that text.
type pythonError struct {
	class pybridge.Class
	text  string
	err   error
}

func (e *pythonError) Error() string   { return e.text }
func (e *pythonError) Unwrap() []error { return []error{e.class, e.err} }
