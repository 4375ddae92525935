package python_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/python"
)

// TestVersionIsTheOneOfThePackage: what Go says is what Python programs read.
func TestVersionIsTheOneOfThePackage(t *testing.T) {
	source, err := fs.ReadFile(python.Files, "gopyrpc/__init__.py")
	require.NoError(t, err)
	assert.Contains(t, string(source), "\n__version__ = \""+python.Version()+"\"\n")
	assert.Regexp(t, `^\d+\.\d+\.\d+`, python.Version())
}
