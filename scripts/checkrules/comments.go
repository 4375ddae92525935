package main

import (
	"go/ast"
	"path"
	"strings"
)

// checkPackageComment wants a comment on every package, in one of its files at least: a newcomer reads the package's comment
// first. Packages of tests alone need none. The finding is at the package's first file.
func checkPackageComment(t *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || f != t.firstOf(f.dir) {
		return
	}
	for _, other := range t.files {
		if other.dir == f.dir && other.ast != nil && !other.isTest() && hasPackageComment(other.ast) {
			return
		}
	}
	report(f.line(f.ast.Package), "package %s has no comment in any of its files: say in doc.go what it is for, what it promises, and what not", f.ast.Name.Name)
}

func hasPackageComment(f *ast.File) bool {
	text := f.Doc.Text()
	return text != "" && !strings.HasPrefix(text, "Code generated")
}

// firstOf returns the first Go file of a package that is no test.
func (t *tree) firstOf(dir string) *file {
	for _, f := range t.files {
		if f.dir == dir && f.ast != nil && !f.isTest() && path.Ext(f.path) == ".go" {
			return f
		}
	}
	return nil
}
