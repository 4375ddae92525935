package main

import (
	"slices"
	"strings"
)

// dependencies are the modules of others with which a program that embeds the project is built. Modules that only the commands
// and the tools import stay out of that program's go.sum, as Go prunes the module graph.
var dependencies = []string{
	"github.com/go-python/cpy3", "golang.org/x/sys", "golang.org/x/text", "google.golang.org/grpc", "google.golang.org/protobuf",
}

// checkDependencies keeps the packages that users link to that list.
func checkDependencies(t *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil || f.isTest() || isHelper(f.dir) || under(f.dir, "cmd") || f.dir == "benchmark" || under(f.dir, "scripts") {
		return
	}
	for path, line := range f.imports() {
		host, _, _ := strings.Cut(path, "/")
		if !strings.Contains(host, ".") || under(path, t.module) {
			continue
		}
		if !slices.ContainsFunc(dependencies, func(module string) bool { return under(path, module) }) {
			report(line, "%s would come into the go.sum of every program that embeds this package; the modules of others that it may import are %s",
				path, strings.Join(dependencies, ", "))
		}
	}
}
