package discover_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func TestSurveyTellsWhatItRefused(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	_, refused := discover.Survey(t.Context(), discover.Options{Getenv: env(map[string]string{"GOPYRPC_TEST_PYTHONS": gone})})
	require.NotEmpty(t, refused)
	assert.ErrorIs(t, refused[0], discover.ErrNoPython)
	assert.ErrorContains(t, refused[0], "GOPYRPC_TEST_PYTHONS")
}

func TestSurveyKeepsOneOfEachKind(t *testing.T) {
	type kind struct {
		minor        int
		distribution bool
	}
	seen := map[kind]bool{}
	found, _ := discover.Survey(t.Context(), discover.Options{Getenv: withoutNamed})
	for _, python := range found {
		k := kind{python.Minor, python.Prefix == "/usr"}
		assert.False(t, seen[k], "%s is the second of its kind", python)
		seen[k] = true
	}
}

func TestSurveyFindsANamedOneFirst(t *testing.T) {
	python := interpreters.Find(t)
	found, _ := discover.Survey(t.Context(), discover.Options{Getenv: env(map[string]string{"GOPYRPC_TEST_PYTHONS": python.Executable})})
	var libraries []string
	for _, f := range found {
		libraries = append(libraries, f.Library)
		assert.Equal(t, discover.SourceSurvey, f.Source)
	}
	assert.Contains(t, libraries, python.Library)
}

func TestVersionsCompareByNumber(t *testing.T) {
	assert.Negative(t, discover.CompareVersions("/v/3.9.18/bin", "/v/3.10.2/bin"))
	assert.Positive(t, discover.CompareVersions("/v/3.11.10/bin", "/v/3.11.9/bin"))
	assert.Zero(t, discover.CompareVersions("/v/3.11.9/bin", "/v/3.11.9/bin"))
}

// withoutNamed is the real environment less the interpreters named for tests.
func withoutNamed(name string) string {
	if name == "GOPYRPC_TEST_PYTHONS" {
		return ""
	}
	return os.Getenv(name)
}
