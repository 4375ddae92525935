package handler_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// TestPythonPackage runs the unit tests of the Python package in a plain python3, the one that this
// test binary embeds: the package knows nothing of Go.
func TestPythonPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	python, _, _ := pythontest.Runtime().Interpreter()
	cmd := exec.CommandContext(t.Context(), python, "-B", "-m", "unittest", "discover", "-s", "gopyrpc_tests", "-t", ".")
	cmd.Dir = "../python"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "%s", &out)
	assert.Regexp(t, `Ran [1-9]\d+ tests`, out.String())
	assert.Contains(t, out.String(), "\nOK")
}
