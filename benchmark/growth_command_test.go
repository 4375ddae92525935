package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGrowth: groups of processes run a few calls, and what they measured comes in every form.
func TestGrowth(t *testing.T) {
	dir := t.TempDir()
	svg, document := filepath.Join(dir, "growth.svg"), filepath.Join(dir, "document.md")
	require.NoError(t, os.WriteFile(document, []byte("before\n<!-- growth -->\nold\n<!-- /growth -->\nafter\n"), 0o600))
	out := benchmark(t, "growth", "--callers", "1,2", "--workers", "2", "--calls", "20", "--rounds", "1",
		"--svg", svg, "--into", document).ok(t)
	assert.Regexp(t, `(?m)^\| 1 \| \d+ \| (\d+|-) \| [\d.]+ \|`, out)
	assert.Len(t, regexp.MustCompile(`(?m)^\| 2 \| \d+ \|`).FindAllString(out, -1), 2)
	assert.Regexp(t, `(?m)^On \d+ CPUs \(.*\), CPython 3\.`, out)

	text, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- growth -->\n"+out+"<!-- /growth -->\nafter\n", string(text))

	plot, err := os.ReadFile(svg)
	require.NoError(t, err)
	for d := xml.NewDecoder(strings.NewReader(string(plot))); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	assert.NotContains(t, string(plot), "NaN")
	assert.Contains(t, string(plot), `<polyline class="ours" points="0.0,`)
}

func TestPutBetweenMarkers(t *testing.T) {
	assert.ErrorContains(t, putBetweenMarkers("main.go", ""), "has no lines")
}
