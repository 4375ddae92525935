package main

import (
	"go/ast"
	"slices"
	"strings"
)

// checkAssert wants assertions, which builds with the tag pydebug check, at the beginning of exported functions: that
// a token that the function takes is good, and that the GIL is not held where the contract forbids it. A function
// that is a single return leaves the assertions to the function that it calls.
func checkAssert(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || f.isGenerated() || !slices.Contains(contractDirs, f.dir) {
		return
	}
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil || !visible(fn) || isReturn(fn.Body) {
			continue
		}
		line := f.line(fn.Pos())
		if name, takes := tokenName(fn); takes && !calls(fn.Body, name, "Assert") {
			report(line, "%s takes a token and does not assert that it is good: call its Assert first", fn.Name.Name)
		}
		if mustNotHold(fn) && !calls(fn.Body, "gil", "AssertNotHeld") && !calls(fn.Body, "", "AssertNotHeld") {
			report(line, "%s must not be called with the GIL held and does not assert that: call gil.AssertNotHeld first", fn.Name.Name)
		}
	}
}

// isReturn says whether a body is one return statement of a call.
func isReturn(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	ret, ok := body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	_, ok = ret.Results[0].(*ast.CallExpr)
	return ok
}

// tokenName is the name of the parameter that is a gil.Token.
func tokenName(fn *ast.FuncDecl) (name string, takes bool) {
	for _, p := range fn.Type.Params.List {
		t := p.Type
		if sel, ok := t.(*ast.SelectorExpr); ok {
			t = sel.Sel
		}
		if id, ok := t.(*ast.Ident); ok && id.Name == "Token" && len(p.Names) == 1 {
			return p.Names[0].Name, true
		}
	}
	return "", false
}

// mustNotHold says whether the contract forbids to hold the GIL.
func mustNotHold(fn *ast.FuncDecl) bool {
	for line := range strings.Lines(fn.Doc.Text()) {
		if isContractOf(line, "GIL") {
			return strings.Contains(line, "must not be held")
		}
	}
	return false
}

// calls says whether a statement of the body itself is the call of.name(…), or name(…).
func calls(body *ast.BlockStmt, of, name string) bool {
	return slices.ContainsFunc(body.List, func(s ast.Stmt) bool {
		expr, ok := s.(*ast.ExprStmt)
		if !ok {
			return false
		}
		call, ok := expr.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			return of == "" && fun.Name == name
		case *ast.SelectorExpr:
			id, ok := fun.X.(*ast.Ident)
			return ok && id.Name == of && fun.Sel.Name == name
		}
		return false
	})
}
