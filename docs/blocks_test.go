package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the repository.
const root = ".."

// block is a fenced code block of a document.
type block struct {
	line     int      // of its fence
	language string   // the first word of the info string
	words    []string // the others
	text     string
}

// file returns the name in "file=NAME", or "".
func (b block) file() string {
	for _, w := range b.words {
		if name, ok := strings.CutPrefix(w, "file="); ok {
			return name
		}
	}
	return ""
}

func (b block) is(word string) bool { return slices.Contains(b.words, word) }

// documents are the Markdown files of the repository, by their paths in it.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "python/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			found = append(found, filepath.ToSlash(name))
		}
	}
	require.Contains(t, found, "README.md")
	return found
}

func read(t *testing.T, document string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(document)))
	require.NoError(t, err)
	return string(text)
}

// blocksOf returns the fenced blocks of a text.
func blocksOf(text string) []block {
	var blocks []block
	open := false
	for i, line := range strings.Split(text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			fields := strings.Fields(info)
			b := block{line: i + 1}
			if len(fields) > 0 {
				b.language, b.words = fields[0], fields[1:]
			}
			blocks = append(blocks, b)
			open = true
		case fence:
			open = false
		case open:
			blocks[len(blocks)-1].text += line + "\n"
		}
	}
	return blocks
}

func TestBlocksOf(t *testing.T) {
	blocks := blocksOf("a\n```go file=a.go\nx\n\ny\n```\nb\n```\nz\n```\n")
	require.Len(t, blocks, 2)
	assert.Equal(t, block{line: 2, language: "go", words: []string{"file=a.go"}, text: "x\n\ny\n"}, blocks[0])
	assert.Equal(t, "a.go", blocks[0].file())
	assert.Equal(t, block{line: 8, text: "z\n"}, blocks[1])
	assert.Empty(t, blocks[1].file())
}
