package main

import (
	"regexp"
	"strings"
)

// nobodysSentence begins with a subject that has no name: "Who waits reads on." The words before it are the end of the previous
// sentence, or none.
var nobodysSentence = regexp.MustCompile(`(?:^|[.;:] )([Ww]ho|[Ww]hoever) `)

// checkProse refuses sentences of comments whose subject is "who": a reader has to guess whether a caller, a worker or a
// goroutine is meant (docs/style.md).
func checkProse(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isGenerated() {
		return
	}
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			text := strings.TrimSpace(strings.TrimLeft(c.Text, "/*"))
			if found := nobodysSentence.FindStringSubmatch(text); found != nil {
				report(f.line(c.Pos()), "a sentence has the subject %q: name it, as the caller, the worker, the goroutine (docs/style.md)", found[1])
			}
		}
	}
}
