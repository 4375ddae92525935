package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// ignored is what python3 would heed, and Python inside this command does not: its configuration is isolated, so that what
// runs does not depend on who starts it. Processes that Python code starts heed it.
type ignored struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Instead string `json:"instead"` // what has the same effect; empty for nothing
}

func (i ignored) String() string {
	text := i.Name + "=" + i.Value
	if i.Instead != "" {
		text += " (" + i.Instead + ")"
	}
	return text
}

// instead is what there is in place of a variable.
var instead = map[string]string{
	"PYTHONPATH":         "name its folders with --path",
	"PYTHONHOME":         "name the interpreter with --python",
	"PYTHONEXECUTABLE":   "name the interpreter with --python",
	"PYTHONUTF8":         "UTF-8 mode is always on",
	"PYTHONFAULTHANDLER": "crashes are always reported",
}

// userSite is how the folder of pip install --user is called in the list.
const userSite = "user site-packages"

// examineEnvironment lists Python's variables. Two of them are ours.
func (d *diagnosis) examineEnvironment() {
	environment := os.Environ()
	slices.Sort(environment)
	for _, entry := range environment {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PYTHON") {
			d.Ignored = append(d.Ignored, ignored{name, value, instead[name]})
		}
	}
}

// lookForUserSite asks where pip install --user puts packages, if it ever has.
func (d *diagnosis) lookForUserSite(ctx context.Context, rt *pybridge.Runtime) error {
	return gil.With(ctx, func(t gil.Token) error {
		o, err := call(t, rt, "site", "getusersitepackages")
		if err != nil {
			return err
		}
		defer o.Release()
		folder, err := pybridge.As[string](t, o)
		if err != nil {
			return err
		}
		if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
			d.Ignored = append(d.Ignored, ignored{userSite, folder, "give it with --path"})
		}
		return nil
	})
}
