// Package buildtest builds the commands that the tests of a package run.
package buildtest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Main runs the tests of a package, for its TestMain, and ends the process. Before the tests it builds commands into a new
// folder, and calls built with the folder's path. The packages are as for go build, from the package's folder; an
// executable has the name of its own package's folder.
func Main(m *testing.M, built func(dir string), packages ...string) { os.Exit(run(m, built, packages)) }

func run(m *testing.M, built func(dir string), packages []string) int {
	dir, err := os.MkdirTemp("", "gopyrpc-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	defer RemovePackage()
	if out, err := exec.Command("go", append([]string{"build", "-o", dir}, packages...)...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building %q: %v\n%s", packages, err, out)
		return 1
	}
	built(dir)
	return m.Run()
}
