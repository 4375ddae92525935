package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shown finds, in the lines of SECURITY.md, the rows (with stars) and the tests that show a promise. They are set as code.
var shown = regexp.MustCompile("`((?:[a-z]+[0-9]*\\*?-[A-Za-z0-9_.*-]+)|(?:Test[A-Za-z_]+))`")

// TestSecurityIsShown: the rows and the tests that SECURITY.md names exist.
func TestSecurityIsShown(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "SECURITY.md"))
	require.NoError(t, err)
	var names []string
	for _, a := range allAttacks() {
		names = append(names, a.name)
	}
	tests := testNames(t)
	rows := 0
	for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
		if strings.HasPrefix(m[1], "Test") {
			assert.Contains(t, tests, m[1])
			continue
		}
		rows++
		found := false
		for _, name := range names {
			matched, err := path.Match(m[1], name)
			require.NoError(t, err)
			found = found || matched
		}
		assert.True(t, found, "no attack is called %s", m[1])
	}
	assert.Greater(t, rows, 40)
	kinds := map[string]bool{}
	for _, name := range names { // every kind of attack shows a promise
		kind, _, _ := strings.Cut(name, "-")
		kinds[strings.TrimRight(kind, "0123456789")] = true
	}
	for kind := range kinds {
		assert.True(t, bytes.Contains(text, []byte("`"+kind)), "SECURITY.md says nothing of the attacks %s", kind)
	}
}

// testNames are the tests of the whole project.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	require.NoError(t, filepath.WalkDir(filepath.Join("..", ".."), func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		for _, m := range function.FindAllSubmatch(text, -1) {
			names[string(bytes.Clone(m[1]))] = true
		}
		return err
	}))
	return names
}
