//go:build !pydebug

package handler_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table is for builds without the tag pydebug, in which a wrong call is an error. With it, it panics.

// TestEveryEntryHasARow: a new entry point needs a row that says what it gives in each state.
func TestEveryEntryHasARow(t *testing.T) {
	var have []string
	for _, r := range allRows() {
		name, _, _ := strings.Cut(r.name, " ")
		have = append(have, name)
	}
	want := slices.Concat(entries(t, "../gil"), entries(t, "../pybridge"), entries(t, "../handler"))
	assert.Greater(t, len(want), 100)
	for _, name := range want {
		assert.True(t, slices.Contains(have, name), "%s has no row in states_rows_test.go or states_handler_rows_test.go", name)
	}
	for _, name := range have {
		assert.True(t, slices.Contains(want, name), "there is a row for %s, which is not there", name)
	}
}

// entries lists the exported functions, and methods of exported types, of the package in dir.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS(dir), "*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if f.Recv == nil {
				names = append(names, file.Name.Name+"."+f.Name.Name)
			} else if of := receiver(f.Recv.List[0].Type); ast.IsExported(of) {
				names = append(names, file.Name.Name+"."+of+"."+f.Name.Name)
			}
		}
	}
	return names
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
