package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	named    = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	function = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	source   = regexp.MustCompile("`([a-zA-Z_][\\w.-]*(?:/[\\w.-]+)+\\.(?:go|py|c|h|sh|proto|tsv|svg))`")
)

// prose is a document without its blocks of code.
func prose(text string) string {
	var b strings.Builder
	open := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			open = !open
		} else if !open {
			b.WriteString(line)
		}
	}
	return b.String()
}

// anchor is what GitHub makes of a heading: its letters, digits, hyphens and spaces.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(prose(text), -1) {
		all = append(all, anchor(m[1]))
	}
	return all
}

// TestLinksLeadSomewhere: every link within the repository leads to a file that is there, and to a heading that it has.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, document := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(read(t, document)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, fragment, hasFragment := strings.Cut(m[1], "#")
			target := document
			if file != "" {
				target = path.Join(path.Dir(document), file)
			}
			_, err := os.Stat(filepath.Join(root, target))
			if assert.NoError(t, err, "%s links to %s", document, m[1]) && hasFragment {
				assert.Contains(t, anchors(read(t, target)), fragment, "%s links to %s", document, m[1])
			}
		}
	}
}

// TestNamedFilesAreThere: a path in the prose is that of a file.
func TestNamedFilesAreThere(t *testing.T) {
	for _, document := range documents(t) {
		if document == "CHANGELOG.md" {
			continue // tells of what was
		}
		for _, m := range source.FindAllStringSubmatch(prose(read(t, document)), -1) {
			_, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1])))
			assert.NoError(t, err, "%s speaks of %s", document, m[1])
		}
	}
}

// TestNamedTestsAreThere: what shows a claim is a test that exists.
func TestNamedTestsAreThere(t *testing.T) {
	tests := map[string]bool{}
	walk(t, func(p string) bool { return strings.HasSuffix(p, "_test.go") }, func(text string) {
		for _, m := range function.FindAllStringSubmatch(text, -1) {
			tests[m[1]] = true
		}
	})
	for _, document := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(prose(read(t, document)), -1) {
			assert.True(t, tests[m[1]], "%s names %s", document, m[1])
		}
	}
}

// TestTroublesAreThoseOfTheCode: the texts of errors in docs/troubleshooting.md are in the sources, piece by piece.
func TestTroublesAreThoseOfTheCode(t *testing.T) {
	sources := allSources(t)
	texts := 0
	for line := range strings.Lines(read(t, "docs/troubleshooting.md")) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cell, _, _ = strings.Cut(cell, " |")
		for _, text := range strings.Split(strings.TrimSuffix(cell, "`"), "`, `") {
			texts++
			for _, piece := range strings.Split(text, "…") {
				if piece = strings.TrimSpace(piece); len(piece) >= 4 {
					assert.Contains(t, sources, piece, "docs/troubleshooting.md: %s", text)
				}
			}
		}
	}
	assert.Greater(t, texts, 30)
}

// allSources are the texts of the shipped sources, with the literals of one message joined.
func allSources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	shipped := func(p string) bool {
		return slices.Contains([]string{".go", ".py", ".c"}, path.Ext(p)) && !strings.HasSuffix(p, "_test.go") && !strings.HasPrefix(p, "scripts/")
	}
	walk(t, shipped, func(text string) { b.WriteString(text) })
	return joined.ReplaceAllString(b.String(), "")
}

// walk reads the files of the repository that are wanted.
func walk(t *testing.T, wanted func(path string) bool, visit func(text string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		base := path.Base(p)
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (base[0] == '.' || base == "testdata" || base == "bin"):
			return fs.SkipDir
		case !d.IsDir() && wanted(p):
			visit(read(t, p))
		}
		return nil
	})
	require.NoError(t, err)
}

// joined is what stands between two literals of one text: "a" + "b" in Go, "a" "b" in Python, on one line or two.
var joined = regexp.MustCompile(`"\s*\+?\s*f?"`)
