// Package interpreters gives tests the interpreters of the machine they run on. No test names a path: it asks
// here, runs with what there is, and is seen to be skipped where there is nothing.
package interpreters

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// Interpreter is a Python that was found, for the tests of packages that may import nothing but this.
type Interpreter = discover.Interpreter

// Find returns the interpreter that gopyrpc itself would choose (GOPYRPC_PYTHON, an active virtual environment,
// python3 on PATH). Where that fails the test is skipped with the reason, except that it fails in CI
// (CI=true) and where GOPYRPC_PYTHON names the interpreter: then somebody counted on it.
func Find(t testing.TB) discover.Interpreter {
	t.Helper()
	heedInterrupts()
	found, err := discover.Find(t.Context(), discover.Options{})
	if err == nil {
		return found
	}
	if inCI() || os.Getenv("GOPYRPC_PYTHON") != "" {
		t.Fatalf("no python to test with: %v", err)
	}
	t.Skipf("no python to test with: %v", err)
	return discover.Interpreter{}
}

// Each runs test once for every interpreter of All, as sub-tests named like "3.11-usr" after the version and
// the installation. A supported version of which there is none appears as a skipped sub-test. A path in
// GOPYRPC_TEST_PYTHONS that cannot be used fails the test, and so does finding nothing at all in CI.
func Each(t *testing.T, test func(t *testing.T, python discover.Interpreter)) {
	t.Helper()
	heedInterrupts()
	requireNamed(t)
	all := All(t.Context())
	if len(all) == 0 && inCI() {
		t.Fatal("no python to test with: none found on this machine (`apt install python3 libpython3-dev`)")
	}
	present := map[int]bool{}
	for _, python := range all {
		present[python.Minor] = true
		t.Run(Name(python), func(t *testing.T) { test(t, python) })
	}
	for minor := discover.MinMinor; minor <= discover.MaxMinor; minor++ {
		if !present[minor] {
			t.Run(fmt.Sprintf("3.%d", minor), func(t *testing.T) {
				t.Skipf("no usable python 3.%d here; name one in GOPYRPC_TEST_PYTHONS", minor)
			})
		}
	}
}

// Name is how Each calls the sub-test of an interpreter: "3.11-usr" for the distribution's, "3.12-3.12.1" for
// pyenv's.
func Name(python discover.Interpreter) string {
	return python.Version() + "-" + filepath.Base(python.Prefix)
}

// All returns discover.All, and the Python 3.14 that scripts/embedpy puts into .cache/python3.14 of the
// repository if the machine has no other 3.14. It blocks as discover.Survey does.
func All(ctx context.Context) []discover.Interpreter {
	all := discover.All(ctx)
	for _, python := range all {
		if python.Minor == 14 {
			return all
		}
	}
	if python, ok := embedded(ctx); ok {
		all = append(all, python)
		slices.SortStableFunc(all, func(a, b discover.Interpreter) int { return a.Minor - b.Minor })
	}
	return all
}

// embedded finds the interpreter that scripts/embedpy extracted, if it did.
func embedded(ctx context.Context) (discover.Interpreter, bool) {
	root, ok := repositoryRoot()
	if !ok {
		return discover.Interpreter{}, false
	}
	exe := filepath.Join(root, ".cache", "python3.14", "bin", "python3")
	python, err := discover.Find(ctx, discover.Options{Python: exe})
	python.Source = discover.SourceSurvey
	return python, err == nil
}

// repositoryRoot walks up from the working directory, which for a test is its package's.
func repositoryRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/gopyrpc/gopyrpc\n") {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// requireNamed fails the test for an interpreter that was asked for and cannot be used.
func requireNamed(t *testing.T) {
	t.Helper()
	for _, exe := range filepath.SplitList(os.Getenv("GOPYRPC_TEST_PYTHONS")) {
		if _, err := discover.Find(t.Context(), discover.Options{Python: exe}); err != nil {
			t.Errorf("GOPYRPC_TEST_PYTHONS: %v", err)
		}
	}
}

func inCI() bool { return os.Getenv("CI") == "true" }
