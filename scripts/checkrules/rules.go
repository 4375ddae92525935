package main

import (
	"cmp"
	"fmt"
	"slices"
)

// finding is one place that breaks one rule.
type finding struct {
	path string
	line int
	rule string
	text string // what is wrong, and why the rule exists
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: [%s] %s", f.path, f.line, f.rule, f.text)
}

// rule looks at one file of the tree and calls report for each place that breaks it.
type rule struct {
	name  string
	check func(t *tree, f *file, report func(line int, format string, args ...any))
}

var rules = []rule{
	{"parse", checkParse},
	{"imports", checkImports},
	{"test-helpers", checkTestHelpers},
	{"dependencies", checkDependencies},
	{"cgo", checkCgo},
	{"words", checkWords},
	{"prose", checkProse},
	{"threads", checkThreads},
	{"setenv", checkSetenv},
	{"stderr", checkStderr},
	{"sleep", checkSleep},
	{"panic", checkPanic},
	{"size", checkSize},
	{"doc", checkDoc},
	{"package-comment", checkPackageComment},
	{"assert", checkAssert},
}

// check applies every rule to every file.
func check(t *tree) []finding {
	var found []finding
	for _, f := range t.files {
		for _, r := range rules {
			r.check(t, f, func(line int, format string, args ...any) {
				found = append(found, finding{f.path, line, r.name, fmt.Sprintf(format, args...)})
			})
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line))
	})
	return found
}

// checkParse reports files that do not parse, which the other rules cannot look at.
func checkParse(_ *tree, f *file, report func(int, string, ...any)) {
	if f.parseErr != nil {
		report(1, "not checked, since it does not parse: %v", f.parseErr)
	}
}
