package main

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// tree is the module's source.
type tree struct {
	module string
	files  []*file
}

// file is one source file. The syntax fields are set for Go files that parse.
type file struct {
	path string // relative to the module's root, with slashes
	dir  string
	text []byte

	set      *token.FileSet
	ast      *ast.File
	parseErr error
}

// checked are the kinds of files that some rule is about.
var checked = []string{".go", ".c", ".h", ".py", ".sh"}

func load(root fs.FS) (*tree, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	t := &tree{module: module}
	err = fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // the file was removed meanwhile
			return nil
		case err != nil:
			return err
		case d.IsDir() && skipped(p):
			return fs.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(checked, path.Ext(p)):
			return nil
		}
		f, err := parse(root, p)
		if err == nil {
			t.files = append(t.files, f)
		}
		return err
	})
	return t, err
}

// skipped says which directories hold no source of ours: those that the go command skips, too, and those of built files.
func skipped(dir string) bool {
	base := path.Base(dir)
	hidden := base != "." && (base[0] == '.' || base[0] == '_')
	return hidden || base == "testdata" || base == "__pycache__" || dir == "bin"
}

func modulePath(root fs.FS) (string, error) {
	text, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", errors.New("go.mod has no module line")
}

func parse(root fs.FS, p string) (*file, error) {
	text, err := fs.ReadFile(root, p)
	if err != nil {
		return nil, err
	}
	f := &file{path: p, dir: path.Dir(p), text: text}
	if path.Ext(p) == ".go" {
		f.set = token.NewFileSet()
		f.ast, f.parseErr = parser.ParseFile(f.set, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if f.parseErr != nil {
			f.ast = nil
		}
	}
	return f, nil
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f *file) isGenerated() bool { return f.ast != nil && ast.IsGenerated(f.ast) }

func (f *file) isC() bool { return slices.Contains([]string{".c", ".h"}, path.Ext(f.path)) }

func (f *file) line(pos token.Pos) int { return f.set.Position(pos).Line }

// lines counts the file's lines.
func (f *file) lines() int {
	n := bytes.Count(f.text, []byte("\n"))
	if len(f.text) > 0 && !bytes.HasSuffix(f.text, []byte("\n")) {
		n++
	}
	return n
}

// under says whether p is dir or below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// helpers are the packages that exist for tests only.
var helpers = []string{"agent/internal/transport/faulty", "internal/buildtest", "internal/gate/gatetest", "internal/interpreters", "internal/pythontest", "internal/testcerts"}

func isHelper(dir string) bool {
	return slices.ContainsFunc(helpers, func(helper string) bool { return under(dir, helper) })
}
