package pybridge

import (
	"context"
	"fmt"
	"runtime"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

// Diagnosis is what `pyrpc doctor` prints: facts about the running interpreter, and problems with
// what to do about each.
type Diagnosis struct {
	Executable string         `json:"executable"`
	Library    string         `json:"library"`
	Source     string         `json:"source"` // what decided for this interpreter
	Version    string         `json:"version"`
	Go         string         `json:"go"`
	Python     map[string]any `json:"python"` // as seen from inside
	Problems   []Problem      `json:"problems"`
}

// Problem is something that is wrong or will be, and the remedy.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

func (p Problem) String() string { return p.What + ": " + p.Remedy }

// Diagnose looks at the interpreter from inside, on the owner's thread.
//
// GIL: must not be held
// Thread: any
// Ref: none
// Blocks: ctx; imports of standard extension modules
func (r *Runtime) Diagnose(ctx context.Context) (Diagnosis, error) {
	gil.AssertNotHeld()
	if r.isNone() {
		return Diagnosis{}, ErrNotStarted
	}
	d := Diagnosis{
		Executable: r.python.Executable, Library: cpython.LibraryPath(), Source: r.python.Source,
		Version: r.version.Full, Go: runtime.Version(), Python: map[string]any{},
	}
	err := r.OnOwner(ctx, func(t gil.Token) error {
		v, err := r.bridge.tool(t, "diagnose")
		if err != nil {
			return err
		}
		facts, _ := v.(Dict)
		for _, item := range facts {
			d.Python[asText(item.Key)] = jsonable(item.Value)
		}
		return nil
	})
	d.Problems = r.problems(d.Python)
	return d, err
}

func (r *Runtime) problems(facts map[string]any) []Problem {
	var out []Problem
	add := func(what, remedy string) { out = append(out, Problem{what, remedy}) }
	extensions, _ := facts["extensions"].(map[string]any)
	for name, failure := range extensions {
		if failure != "" {
			add(fmt.Sprintf("extension module %s cannot be imported (%v)", name, failure),
				"install the complete standard library of this Python, or choose another with --python")
		}
	}
	if main, ok := facts["main_thread_is_owner"].(bool); ok && !main && !r.attached {
		add("threading was first imported off the owner's thread", "report this as a bug of pyrpc")
	}
	if executable := asText(facts["executable"]); executable == "" {
		add("sys.executable is empty, so multiprocessing and subprocess helpers cannot start Python", "name the interpreter with --python")
	}
	if utf8, ok := facts["utf8_mode"].(int64); ok && utf8 == 0 && !r.attached {
		add("Python is not in UTF-8 mode", "report this as a bug of pyrpc")
	}
	return out
}

// jsonable makes maps of Dicts, for encoding/json.
func jsonable(v any) any {
	d, ok := v.(Dict)
	if !ok {
		return v
	}
	m := make(map[string]any, len(d))
	for _, item := range d {
		m[asText(item.Key)] = jsonable(item.Value)
	}
	return m
}
