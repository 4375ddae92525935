package discover_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// Prose that a version bump has to reach. cpy3 has a range of its own.
func TestProseNamesTheSupportedVersions(t *testing.T) {
	for _, file := range []string{"README.md", "RATIONALE.md", "docs/supported.md", "internal/cpython/api.h"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", file))
		require.NoError(t, err)
		assert.Contains(t, string(text), discover.SupportedVersions(), file)
	}
}
