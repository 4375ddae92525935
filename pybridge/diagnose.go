package pybridge

import (
	"context"
	"fmt"
	"runtime"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// Diagnosis is what `gopyrpc doctor` prints: facts about the running interpreter, and problems with
// what to do about each.
type Diagnosis struct {
	Executable string         `json:"executable"`
	Library    string         `json:"library"`
	Source     string         `json:"source"` // what decided for this interpreter
	Version    string         `json:"version"`
	Go         string         `json:"go"`
	Stack      *Stack         `json:"stack,omitempty"` // nil where the process is Python's own
	Python     map[string]any `json:"python"`          // as seen from inside
	Problems   []Problem      `json:"problems"`
}

// Stack is how much stack threads were found to have for Python, in bytes. A thread that Python or an extension module
// makes has what that chooses.
type Stack struct {
	FirstThread  int `json:"first_thread"` // of the process: as far as it could be grown before Python started
	OtherThreads int `json:"other_threads"`
}

func (s *Stack) String() string {
	return fmt.Sprintf("first thread %.1f MiB, others %.1f MiB", float64(s.FirstThread)/(1<<20), float64(s.OtherThreads)/(1<<20))
}

// Problem is something that is wrong or will be, and the remedy.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

func (p Problem) String() string { return p.What + ": " + p.Remedy }

// Diagnose looks at the interpreter from inside, on the owner's thread.
//
//   - GIL: must not be held
//   - Thread: any
//   - Ref: none
//   - Blocks: ctx; imports of standard extension modules
func (r *Runtime) Diagnose(ctx context.Context) (Diagnosis, error) {
	gil.AssertNotHeld()
	if r.isNone() {
		return Diagnosis{}, ErrNotStarted
	}
	d := Diagnosis{
		Executable: r.python.Executable, Library: cpython.LibraryPath(), Source: r.python.Source,
		Version: r.version.Full, Go: runtime.Version(), Python: map[string]any{},
	}
	if !r.attached {
		first, others := cpython.Stacks()
		d.Stack = &Stack{FirstThread: first, OtherThreads: others}
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
	d.Problems = append(r.problems(d.Python), d.Stack.problems(r.version.Minor)...)
	return d, err
}

// problems says when the stack is too small for the recursion limit that Python starts with. CPython 3.12 and 3.13 have one
// for C code as well, 10,000 levels, which cannot be set.
func (s *Stack) problems(minor int) []Problem {
	const remedy = "start the program with a higher limit of stack (ulimit -s; LimitSTACK= of systemd)"
	if s == nil {
		return nil
	}
	var out []Problem
	least := min(s.FirstThread, s.OtherThreads)
	if least < usualLimit*stackOfLevel {
		what := fmt.Sprintf("threads have little stack (%s), so functions can call each other only about %d deep", s, levels())
		out = append(out, Problem{what, remedy})
	}
	if (minor == 12 || minor == 13) && least < stackOfCLevels {
		what := fmt.Sprintf("threads have little stack (%s), and deep recursion in C code, which this version of CPython allows, ends the process", s)
		out = append(out, Problem{what, remedy})
	}
	return out
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
		add("threading was first imported off the owner's thread", "report this as a bug of gopyrpc")
	}
	if executable := asText(facts["executable"]); executable == "" {
		add("sys.executable is empty, so multiprocessing and subprocess helpers cannot start Python", "name the interpreter with --python")
	}
	if utf8, ok := facts["utf8_mode"].(int64); ok && utf8 == 0 && !r.attached {
		add("Python is not in UTF-8 mode", "report this as a bug of gopyrpc")
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
