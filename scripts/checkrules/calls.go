package main

import (
	"bytes"
	"go/ast"
	"go/build/constraint"
	"iter"
	"regexp"
	"strconv"
	"strings"
)

// checkSetenv forbids changing the environment.
func checkSetenv(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || isHelper(f.dir) {
		return
	}
	for line := range f.uses("os", "Setenv") {
		report(line, "os.Setenv: with cgo it changes C's environ too, under the feet of any thread in getenv; pass configuration explicitly")
	}
}

// checkSleep forbids waiting for time to pass in tests.
func checkSleep(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || !f.isTest() {
		return
	}
	for line := range f.uses("time", "Sleep") {
		report(line, "time.Sleep in a test: too short on a slow machine, wasted on a fast one; wait for the event (channel, WaitGroup, synctest)")
	}
}

var printers = regexp.MustCompile(`\b(PyRun_Simple|PyErr_Print)\w*`)

// checkStderr forbids the C-API functions that print an exception instead of returning it.
func checkStderr(_ *tree, f *file, report func(int, string, ...any)) {
	if f.isTest() || under(f.dir, "scripts") {
		return // the scripts name these functions to look for them
	}
	for line, text := range f.codeLines() {
		if name := printers.FindString(text); name != "" {
			report(line, "%s prints the exception to stderr and drops it (on SystemExit it ends the process): fetch the error and return it", name)
		}
	}
}

// checkPanic forbids panics that no comment accounts for.
func checkPanic(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || f.isGenerated() || isHelper(f.dir) || f.needsTag("pydebug") {
		return
	}
	source := strings.Split(string(f.text), "\n")
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
			line := f.line(call.Pos())
			if !strings.Contains(source[line-1], "// panics:") {
				report(line, "panic in a library ends the caller's process: return an error, or give the reason on the line (// panics: …)")
			}
		}
		return true
	})
}

// uses yields the lines on which a function of a package is named, under whatever name it is imported.
func (f *file) uses(pkg, name string) iter.Seq[int] {
	return func(yield func(int) bool) {
		local := f.importName(pkg)
		if local == "" {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != name {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
				return yield(f.line(sel.Pos()))
			}
			return true
		})
	}
}

// importName returns the name that the file knows a package by, "" if it does not import it.
func (f *file) importName(pkg string) string {
	for _, spec := range f.ast.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == pkg {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return pkg
		}
	}
	return ""
}

// needsTag says whether the file is built only with the tag.
func (f *file) needsTag(tag string) bool {
	for line := range strings.Lines(string(f.text)) {
		if !constraint.IsGoBuild(strings.TrimSpace(line)) {
			continue
		}
		expr, err := constraint.Parse(strings.TrimSpace(line))
		return err == nil && !expr.Eval(func(t string) bool { return t != tag }) &&
			expr.Eval(func(string) bool { return true })
	}
	return false
}

var cComment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

// codeLines yields the file's lines of Go or C with the comments blanked out. The comment
// above import "C" is C source, and stays.
func (f *file) codeLines() iter.Seq2[int, string] {
	text := f.text
	switch {
	case f.isC():
		text = cComment.ReplaceAllFunc(text, blank)
	case f.ast != nil:
		text = f.withoutComments()
	default:
		text = nil
	}
	return func(yield func(int, string) bool) {
		line := 0
		for s := range bytes.Lines(text) {
			line++
			if !yield(line, string(s)) {
				return
			}
		}
	}
}

func (f *file) withoutComments() []byte {
	text := bytes.Clone(f.text)
	preamble := f.preamble()
	for _, group := range f.ast.Comments {
		if group == preamble {
			continue
		}
		for _, c := range group.List {
			from := f.set.Position(c.Pos()).Offset
			to := f.set.Position(c.End()).Offset
			copy(text[from:to], blank(text[from:to]))
		}
	}
	return text
}

// preamble returns the comment above import "C", nil if there is none.
func (f *file) preamble() *ast.CommentGroup {
	for _, decl := range f.ast.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			spec, ok := s.(*ast.ImportSpec)
			if !ok || spec.Path.Value != `"C"` {
				continue
			}
			if spec.Doc != nil {
				return spec.Doc
			}
			return gen.Doc
		}
	}
	return nil
}

// blank replaces every byte but line ends, so that lines and offsets stay.
func blank(b []byte) []byte {
	out := bytes.Repeat([]byte{' '}, len(b))
	for i, c := range b {
		if c == '\n' {
			out[i] = c
		}
	}
	return out
}
