package interpreters

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

func TestFindGivesUsableInterpreter(t *testing.T) {
	python := Find(t)
	require.NoError(t, discover.CheckLibrary(python.Library, python.Minor))
	assert.FileExists(t, python.Executable)
}

func TestEachVisitsEveryInterpreterOnce(t *testing.T) {
	seen := map[string]bool{}
	Each(t, func(t *testing.T, python discover.Interpreter) {
		assert.False(t, seen[Name(python)], "visited twice")
		seen[Name(python)] = true
	})
	assert.Len(t, seen, len(All(t.Context())))
}
