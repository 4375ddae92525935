package main

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// layers says for each part of the project which other parts it may import. A part is a
// package together with the packages below it that have no row of their own.
// "*" stands for every part.
var layers = map[string][]string{
	"cleanup":                   {"internal/panics"},
	"internal/certs":            {},
	"internal/ticker":           {},
	"internal/gate":             {"internal/ticker"},
	"internal/gate/batch":       {"internal/gate"},
	"internal/panics":           {},
	"internal/procmem":          {},
	"internal/pyname":           {},
	"python":                    {"internal/pyname", "internal/unpack"},
	"internal/unpack":           {},
	"internal/threadlimit":      {"internal/procmem"},
	"internal/cpython/discover": {},
	"internal/cpython":          {"internal/cpython/discover"},
	"internal/cpython/floor":    {"internal/cpython"},
	"internal/cpython/exports":  {},
	"internal/callcontext":      {},
	"internal/calltimes":        {},
	"internal/deferred":         {"internal/cpython", "internal/gate"},
	"internal/interrupt":        {"internal/cpython", "internal/gate"},
	"gil":                       {"internal/callcontext", "internal/calltimes", "internal/cpython", "internal/deferred", "internal/gate", "internal/interrupt", "internal/panics"},
	"internal/pycall":           {"gil", "internal/callcontext", "internal/calltimes", "internal/cpython", "internal/deferred", "internal/gate", "internal/gate/batch", "internal/interrupt", "internal/pyname"},
	"pybridge":                  {"gil", "internal/cpython", "internal/cpython/discover", "internal/deferred", "internal/gate", "internal/interrupt", "internal/panics", "internal/pycall", "internal/procmem", "internal/pyname", "internal/threadlimit", "cleanup"},
	"pybridge/cpy3":             {"pybridge", "gil"},
	"handler":                   {"handler/jit", "handler/pickle", "handler/policy", "handler/wire", "internal/hugepages", "internal/procmem", "internal/pyname", "pybridge", "python", "gil", "cleanup"},
	"handler/jit":               {},
	"handler/wire":              {},
	"handler/pickle":            {},
	"handler/policy":            {"handler/pickle", "internal/pyname"},
	"agent":                     {"cleanup", "agent/internal/backoff", "agent/internal/frame", "agent/internal/membership", "agent/internal/quota", "agent/internal/replay", "agent/internal/rpcerr", "agent/internal/security", "agent/internal/transport", "agent/proto", "internal/handshake", "internal/shm", "internal/panics"},
	"agent/internal/backoff":    {},
	"agent/internal/transport":  {"agent/internal/backoff", "agent/internal/frame", "agent/internal/quota", "agent/internal/rpcerr", "agent/internal/security", "agent/proto", "internal/hugepages", "internal/shm", "internal/ticker"},
	"internal/handshake":        {},
	"internal/hugepages":        {},
	"internal/shm":              {},
	"agent/internal/frame":      {"agent/proto"},
	"agent/internal/membership": {"agent/internal/backoff", "agent/internal/rpcerr", "agent/proto"},
	"agent/internal/quota":      {"agent/internal/rpcerr"},
	"agent/internal/replay":     {},
	"agent/internal/rpcerr":     {},
	"agent/internal/security":   {"agent/internal/rpcerr", "agent/proto", "internal/handshake"},
	"agent/proto":               {},
	"agent/pyworker/budget":     {},
	"agent/pyworker/settings":   {"agent", "agent/pyworker/budget"},
	"agent/pyworker/faulty":     {"agent", "agent/internal/transport", "agent/proto"},
	"agent/pyworker":            {"agent", "agent/pyworker/budget", "agent/pyworker/settings", "handler", "handler/pickle", "handler/policy", "handler/wire", "pybridge", "gil", "cleanup", "internal/callcontext", "internal/interrupt", "internal/panics", "internal/pyname", "internal/threadlimit"},
	"benchmark":                 {"*"},
	"cmd":                       {"*"},
	"docs":                      {"cmd"},
	"examples":                  {"agent", "agent/pyworker", "cleanup", "gil", "handler", "pybridge"}, // what a user's program may import
	"scripts":                   {"*"},
}

// partOf returns the part that a package belongs to: the longest row that it is under.
func partOf(dir string) (string, bool) {
	best, found := "", false
	for part := range layers {
		if under(dir, part) && len(part) > len(best) {
			best, found = part, true
		}
	}
	return best, found
}

// checkImports holds the imports among the project's packages to the table. Examples may import any package: they show how
// packages are used together, also with packages above.
func checkImports(t *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || isHelper(f.dir) || path.Base(f.path) == "example_test.go" {
		return
	}
	from, known := partOf(f.dir)
	if !known {
		report(1, "package %s has no row in the table of layers (scripts/checkrules/imports.go): every package has a place in the house", f.dir)
		return
	}
	allowed := layers[from]
	for imported, line := range f.projectImports(t) {
		to, known := partOf(imported)
		if isHelper(imported) || (known && to == from) || slices.Contains(allowed, "*") {
			continue
		}
		if !slices.Contains(allowed, to) {
			report(line, "%s may not import %s: imports point down only, and %s may import %s",
				from, imported, from, orNothing(allowed))
		}
	}
}

// checkTestHelpers keeps test helpers out of what is shipped. A build with the tag faulty is not: torch's own tests run on it.
func checkTestHelpers(t *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || isHelper(f.dir) || f.needsTag("faulty") {
		return
	}
	for path, line := range f.projectImports(t) {
		if isHelper(path) {
			report(line, "%s is for tests: only _test.go files may import it, or it would be shipped", path)
		}
	}
}

// projectImports are the project's packages that a file imports, and the lines.
func (f *file) projectImports(t *tree) func(func(string, int) bool) {
	return func(yield func(string, int) bool) {
		for path, line := range f.imports() {
			if rest, ours := strings.CutPrefix(path, t.module+"/"); ours && !yield(rest, line) {
				return
			}
		}
	}
}

// imports are the paths that a file imports, and the lines.
func (f *file) imports() func(func(string, int) bool) {
	return func(yield func(string, int) bool) {
		for _, spec := range f.ast.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err == nil && !yield(path, f.line(spec.Pos())) {
				return
			}
		}
	}
}

func orNothing(parts []string) string {
	if len(parts) == 0 {
		return "nothing of the project"
	}
	return strings.Join(parts, ", ")
}
