package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a small tree: path → text. go.mod is added.
type source map[string]string

func (s source) fs() fstest.MapFS {
	tree := fstest.MapFS{"go.mod": {Data: []byte("module example.org/m\n\ngo 1.24\n")}}
	for path, text := range s {
		tree[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// findings returns "path:line rule" for each finding in the tree. Packages lack comments in most of the trees, which
// counts in those that are about it only.
func findings(t *testing.T, s source) []string {
	t.Helper()
	tree, err := load(s.fs())
	require.NoError(t, err)
	found := []string{}
	for _, f := range check(tree) {
		if f.rule == "package-comment" && !strings.Contains(t.Name(), "package-comment") {
			continue
		}
		found = append(found, fmt.Sprintf("%s:%d %s", f.path, f.line, f.rule))
	}
	return found
}

// importing is a Go file whose third line imports the package.
func importing(pkg, path string) string {
	return fmt.Sprintf("package %s\n\nimport _ %q\n", pkg, path)
}

// calling is a Go file whose fifth line calls the function.
func calling(pkg, importPath, call string) string {
	return fmt.Sprintf("package %s\n\nimport %q\n\nfunc f() { %s }\n", pkg, importPath, call)
}

const m = "example.org/m/"

// cases are trees with the findings they must give.
var cases = map[string]struct {
	tree source
	want []string
}{
	"imports: down is allowed": {
		tree: source{
			"handler/a.go":             importing("handler", m+"pybridge"),
			"pybridge/a.go":            importing("pybridge", m+"internal/cpython/discover"),
			"cmd/gopyrpc/a.go":         importing("main", m+"handler"),
			"agent/server/a.go":        importing("server", m+"agent/wire"),
			"gil/a_test.go":            importing("gil", m+"internal/pythontest"),
			"internal/pythontest/a.go": importing("pythontest", m+"pybridge"),
			"handler/testdata/a.go":    importing("x", m+"cmd/gopyrpc"),
		},
	},
	"imports: up is refused": {
		tree: source{
			"gil/a.go":                       importing("gil", m+"pybridge"),
			"gil/example_test.go":            importing("gil_test", m+"pybridge"),
			"cleanup/a.go":                   importing("cleanup", m+"internal/gate"),
			"agent/a_test.go":                importing("agent", m+"handler"),
			"internal/cpython/discover/a.go": importing("discover", m+"internal/cpython"),
		},
		want: []string{
			"agent/a_test.go:3 imports", "cleanup/a.go:3 imports", "gil/a.go:3 imports",
			"internal/cpython/discover/a.go:3 imports",
		},
	},
	"imports: a package without a row": {
		tree: source{"util/a.go": "package util\n"},
		want: []string{"util/a.go:1 imports"},
	},
	"test-helpers: not in shipped code": {
		tree: source{
			"cmd/gopyrpc/a.go": importing("main", m+"internal/pythontest"),
			"cmd/gopyrpc/b.go": "//go:build faulty\n\n" + importing("main", m+"internal/pythontest"),
		},
		want: []string{"cmd/gopyrpc/a.go:3 test-helpers"},
	},
	"dependencies: few, in what is embedded": {
		tree: source{
			"agent/a.go":       importing("agent", "google.golang.org/grpc/codes"),
			"agent/b.go":       importing("agent", "github.com/spf13/cobra"),
			"agent/b_test.go":  importing("agent", "go.uber.org/goleak"),
			"cmd/gopyrpc/a.go": importing("main", "github.com/spf13/cobra"),
			"gil/a.go":         importing("gil", "google.golang.org/grpcish"),
			"scripts/x/a.go":   importing("main", "github.com/bufbuild/protocompile"),
		},
		want: []string{"agent/b.go:3 dependencies", "gil/a.go:3 dependencies"},
	},
	"words: those of the field": {
		tree: source{
			"gil/a.go":   "package gil\n\nfunc stay() {}\n\n// A carrier may be talked of.\ntype dispatcher struct{ stayed, Strangers int }\n",
			"agent/a.go": "package agent\n\nvar x = conn.board\n",
		},
		want: []string{"agent/a.go:3 words", "gil/a.go:3 words", "gil/a.go:6 words"},
	},
	"cgo: one package and the cpy3 bridge": {
		tree: source{
			"internal/cpython/a.go": importing("cpython", "C"),
			"internal/cpython/a.c":  "int a;\n",
			"pybridge/cpy3/a.h":     "int a;\n",
			"gil/a.go":              "package gil\n\nimport \"C\"\n",
			"gil/a.c":               "int a;\n",
		},
		want: []string{"gil/a.c:1 cgo", "gil/a.go:3 cgo"},
	},
	"threads: only their owners lock them": {
		tree: source{
			"gil/a.go":          calling("gil", "runtime", "runtime.LockOSThread()"),
			"pybridge/owner.go": calling("pybridge", "runtime", "runtime.LockOSThread()"),
			"pybridge/other.go": calling("pybridge", "runtime", "runtime.LockOSThread()"),
			"agent/a.go":        "package agent\n\nimport rt \"runtime\"\n\nvar lock = rt.LockOSThread\n",
		},
		want: []string{"agent/a.go:5 threads", "pybridge/other.go:5 threads"},
	},
	"setenv": {
		tree: source{
			"agent/a.go":      calling("agent", "os", `os.Setenv("a", "b")`),
			"agent/a_test.go": calling("agent", "os", `os.Setenv("a", "b")`),
		},
		want: []string{"agent/a.go:5 setenv"},
	},
	"stderr: in C, in a preamble, by name": {
		tree: source{
			"internal/cpython/a.c":     "/* é → PyErr_Print\n */ // PyRun_SimpleString\nPyErr_PrintEx(0);\n",
			"internal/cpython/a.go":    "package cpython\n\n// static void f(void) { PyErr_Print(); }\nimport \"C\"\n",
			"internal/cpython/b.go":    "package cpython\n\n// “never” → PyErr_Print\nvar name = \"PyRun_SimpleString\"\n",
			"internal/cpython/both.go": "package cpython\n\nimport (\n\t// void f(void) { PyErr_Print(); }\n\t\"C\"\n)\n",
		},
		want: []string{
			"internal/cpython/a.c:3 stderr", "internal/cpython/a.go:3 stderr", "internal/cpython/b.go:4 stderr",
			"internal/cpython/both.go:4 stderr",
		},
	},
	"sleep: in tests": {
		tree: source{
			"agent/a.go":      calling("agent", "time", "time.Sleep(1)"),
			"agent/a_test.go": calling("agent", "time", "time.Sleep(1)"),
		},
		want: []string{"agent/a_test.go:5 sleep"},
	},
	"panic: with a reason, in tests or in debug builds": {
		tree: source{
			"agent/a.go":      "package agent\n\nfunc f() {\n\tpanic(1) // panics: the compiler cannot see that this is unreachable\n\tpanic(2)\n}\n",
			"agent/a_test.go": "package agent\n\nfunc g() { panic(1) }\n",
			"agent/d.go":      "//go:build pydebug && linux\n\npackage agent\n\nfunc h() { panic(1) }\n",
			"agent/r.go":      "//go:build !pydebug\n\npackage agent\n\nfunc h() { panic(1) }\n",
		},
		want: []string{"agent/a.go:5 panic", "agent/r.go:5 panic"},
	},
	"size": {
		tree: source{
			"agent/long.go":  "package agent\n" + strings.Repeat("// line\n", maxLines),
			"agent/fits.go":  "package agent\n" + strings.Repeat("// line\n", maxLines-1),
			"agent/wire.go":  "// Code generated by x. DO NOT EDIT.\n\npackage agent\n" + strings.Repeat("// line\n", maxLines),
			"handler/py.py":  strings.Repeat("# line\n", maxLines) + "pass",
			"testdata/py.py": strings.Repeat("# line\n", maxLines) + "pass",
		},
		want: []string{"agent/long.go:451 size", "handler/py.py:451 size"},
	},
	"assert: of tokens, and that the GIL is not held": {
		tree: source{
			"handler/a.go": `package handler

//   - GIL: held
func Asserts(t gil.Token) { t.Assert() }

//   - GIL: held
func HandsOn(t gil.Token) error { return f(1, t) }

//   - GIL: held
func Forgets(t gil.Token) { f(1, t); f(2, t) }

//   - GIL: held
func Ignores(_ gil.Token) error { return nil }

//   - GIL: acquires; must not be held
func Waits(f func(gil.Token)) { gil.AssertNotHeld() }

//   - GIL: must not be held
func Forgetful() { g(); g() }

//   - GIL: must not be held
func (h *Handler) Delegates(ctx int) error { return h.Waits(ctx) }

func internal(t gil.Token) {}
`,
			"gil/a.go":   "package gil\n\n//   - GIL: held\nfunc Detach(t Token) { f(); g() }\n",
			"agent/a.go": "package agent\n\nfunc Forgets(t Token) { f(); g() }\n",
		},
		want: []string{"gil/a.go:4 assert", "handler/a.go:10 assert", "handler/a.go:13 assert", "handler/a.go:19 assert"},
	},
	"prose: a sentence names its subject": {
		tree: source{
			"gil/a.go": "package gil\n\n// Who waits reads on.\nvar a int\n\n// It reads on. Whoever waits is woken.\nvar b int // a peer: who asks\n\n// c says who waits, and for whom.\nvar c int\n",
		},
		want: []string{"gil/a.go:3 prose", "gil/a.go:6 prose", "gil/a.go:7 prose"},
	},
	"package-comment: on one file of each package": {
		tree: source{
			"gil/a.go":           "package gil\n",
			"gil/doc.go":         "// Package gil says who may hold the GIL.\npackage gil\n",
			"handler/a.go":       "package handler\n",
			"handler/b.go":       "//go:build linux\n\npackage handler\n",
			"agent/a.go":         "// Code generated by protoc. DO NOT EDIT.\n\npackage agent\n",
			"internal/gate/a.go": "// A comment that is not on the package.\n\npackage gate\n",
			"cleanup/a_test.go":  "package cleanup_test\n",
		},
		want: []string{"agent/a.go:3 package-comment", "handler/a.go:1 package-comment", "internal/gate/a.go:3 package-comment"},
	},
	"doc: presence and contract": {
		tree: source{
			"gil/a.go": `package gil

func Bare() {}

// Told does nothing.
func Told() {}

// Full does nothing.
//
//   - GIL: held
func Full() {}

// WithX sets x.
func WithX() Option { return nil }

func WithY() Option { return nil }

// Z sets z.
func Z() ZOption { return nil }

func (*T[P]) Method() {}
func (T[P, Q]) String() string { return "" }
func (t) Method() {}
func internal() {}
`,
			"gil/a_test.go": "package gil\n\nfunc Bare() {}\n",
			"agent/a.go":    "package agent\n\nfunc Bare() {}\n",
		},
		want: []string{"gil/a.go:3 doc", "gil/a.go:6 doc", "gil/a.go:16 doc", "gil/a.go:21 doc"},
	},
	"parse": {
		tree: source{"gil/a.go": "package\n"},
		want: []string{"gil/a.go:1 parse"},
	},
}

func TestRules(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.ElementsMatch(t, c.want, findings(t, c.tree))
		})
	}
}

// A rule that no case makes fire may be one that cannot.
func TestRules_allFire(t *testing.T) {
	fired := map[string]bool{}
	for _, c := range cases {
		for _, want := range c.want {
			fired[want[strings.LastIndexByte(want, ' ')+1:]] = true
		}
	}
	for _, r := range rules {
		assert.True(t, fired[r.name], "no case for rule %s", r.name)
	}
}

func TestRun_exitStatus(t *testing.T) {
	var out, errs bytes.Buffer

	assert.Equal(t, 0, run(source{"gil/a.go": "// Package gil.\npackage gil\n"}.fs(), &out, &errs))
	assert.Empty(t, out.String()+errs.String())

	assert.Equal(t, 1, run(source{"gil/a.go": importing("gil", "example.org/m/agent"), "gil/doc.go": "// Package gil.\npackage gil\n"}.fs(), &out, &errs))
	assert.Equal(t, "gil/a.go:3: [imports] gil may not import agent: imports point down only, "+
		"and gil may import "+orNothing(layers["gil"])+"\n", out.String())

	assert.Equal(t, 2, run(fstest.MapFS{}, &out, &errs), "no go.mod")
	assert.Equal(t, 2, run(fstest.MapFS{"go.mod": {Data: []byte("go 1.24\n")}}, &out, &errs), "no module")
}
