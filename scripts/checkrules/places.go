package main

import (
	"path"
	"slices"
	"strings"
)

// cgoDirs are the packages that may hold C.
var cgoDirs = []string{"internal/cpython", "internal/cpython/exports", "internal/cpython/floor", "pybridge/cpy3"}

// checkCgo keeps C in one place. A C type that two Go packages name is two types, the tests of a package
// with cgo cannot use cgo themselves, and a single seam can be checked whole. What the scripts
// compile is no part of the library.
func checkCgo(_ *tree, f *file, report func(int, string, ...any)) {
	if slices.Contains(cgoDirs, f.dir) || under(f.dir, "scripts") {
		return
	}
	if f.isC() {
		report(1, "C source outside %s: the C seam is one package, so that it can be checked whole", strings.Join(cgoDirs, ", "))
	}
	if f.ast == nil {
		return
	}
	for _, spec := range f.ast.Imports {
		if spec.Path.Value == `"C"` {
			report(f.line(spec.Pos()), `import "C" outside %s: C types do not cross Go packages`, strings.Join(cgoDirs, ", "))
		}
	}
}

// mayLock says which files may lock a goroutine to its thread: of packages that own threads, and of whole programs.
func mayLock(f *file) bool {
	base := path.Base(f.path)
	return f.isTest() || isHelper(f.dir) || under(f.dir, "gil") || f.dir == "internal/interrupt" || f.dir == "internal/deferred" || f.dir == "benchmark" || under(f.dir, "cmd/gopyrpc/launch") ||
		under(f.dir, "scripts/faults") ||
		(f.dir == "pybridge" && strings.HasPrefix(base, "owner"))
}

// checkThreads keeps the decisions about OS threads with the packages that own them.
func checkThreads(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || mayLock(f) {
		return
	}
	for line := range f.uses("runtime", "LockOSThread") {
		report(line, "LockOSThread outside gil, internal/interrupt, internal/deferred and pybridge/owner*.go: a goroutine locked elsewhere evades gil's count of threads")
	}
}
