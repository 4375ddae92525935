package main

import (
	"go/ast"
	"slices"
	"strings"
)

// contractDirs are the packages whose functions deal with the GIL.
var contractDirs = []string{"gil", "pybridge", "handler"}

// plain are methods that the standard library calls, with no choice in their contract.
var plain = []string{
	"String", "GoString", "Format", "Error", "Unwrap", "Is", "As", "LogValue", "MarshalJSON", "MarshalText",
}

// checkDoc wants a doc comment with the contract block on every exported function.
func checkDoc(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || f.isGenerated() || !slices.Contains(contractDirs, f.dir) {
		return
	}
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || !visible(fn) || (fn.Recv != nil && slices.Contains(plain, fn.Name.Name)) {
			continue
		}
		line := f.line(fn.Pos())
		switch {
		case fn.Doc.Text() == "":
			report(line, "exported %s has no doc comment", fn.Name.Name)
		case !isOption(fn) && !hasContract(fn.Doc):
			report(line, `the doc comment of %s lacks its contract: a list of "  - GIL: held | not held | acquires", "  - Thread:", "  - Ref:", "  - Blocks:"; a caller cannot guess them, and a wrong guess is a deadlock`, fn.Name.Name)
		}
	}
}

// visible says whether a function can be called from outside: exported, and no method of an unexported type.
func visible(fn *ast.FuncDecl) bool {
	if !fn.Name.IsExported() {
		return false
	}
	if fn.Recv == nil {
		return true
	}
	id := receiver(fn.Recv.List[0].Type)
	return id != nil && id.IsExported()
}

// receiver returns the name in T, *T, T[P] or *T[P, Q].
func receiver(expr ast.Expr) *ast.Ident {
	switch e := expr.(type) {
	case *ast.Ident:
		return e
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return nil
}

// isOption says whether the function only makes an option, which is of a type whose name ends in Option.
func isOption(fn *ast.FuncDecl) bool {
	results := fn.Type.Results
	if fn.Recv != nil || results.NumFields() != 1 {
		return false
	}
	id, ok := results.List[0].Type.(*ast.Ident)
	return ok && strings.HasSuffix(id.Name, "Option")
}

func hasContract(doc *ast.CommentGroup) bool {
	for line := range strings.Lines(doc.Text()) {
		if isContractOf(line, "GIL") {
			return true
		}
	}
	return false
}

// isContractOf says whether a line of a doc comment is an item of the contract. The contract is a list, so that pkg.go.dev
// shows a line for each item.
func isContractOf(line, item string) bool {
	return strings.HasPrefix(strings.TrimSpace(line), "- "+item+":")
}
