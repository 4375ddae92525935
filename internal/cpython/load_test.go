package cpython_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func init() {
	pythontest.Register("load again", func() int {
		bad := cpython.Load(os.Getenv("LIBRARY"))
		present, _ := cpython.Process()
		good := cpython.Load(os.Getenv("GOOD"))
		fmt.Println(bad != nil, present == cpython.Absent, good, cpython.LibraryPath() == os.Getenv("GOOD"), cpython.Version() != "bad")
		return 0
	})
	pythontest.Register("load", func() int {
		if err := cpython.Load(os.Getenv("LIBRARY")); err != nil {
			fmt.Print(err)
			return 3
		}
		return 0
	})
}

// loadError expects that loading fails in a fresh process, in an orderly way.
func loadError(t *testing.T, library string) string {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, "load", "LIBRARY="+library)
	require.Equal(t, 3, code, stderr)
	return stdout
}

// sharedObject compiles C source into a library.
func sharedObject(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	file, library := filepath.Join(dir, "lib.c"), filepath.Join(dir, "lib.so")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	out, err := gcc(t, "-shared", "-fPIC", "-o", library, file).CombinedOutput()
	require.NoError(t, err, string(out))
	return library
}

func TestLoadOfMissingFileFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libpython3.99.so")
	assert.Contains(t, loadError(t, missing), missing)
}

func TestLoadOfNoLibraryFails(t *testing.T) {
	text := filepath.Join(t.TempDir(), "libpython3.so")
	require.NoError(t, os.WriteFile(text, []byte("INPUT(-lpython3.11)\n"), 0o600))
	assert.Contains(t, loadError(t, text), text)
}

func TestLoadNamesMissingSymbols(t *testing.T) {
	library := sharedObject(t, "const char *Py_GetVersion(void) { return \"3.11.0\"; }\n")
	err := loadError(t, library)
	assert.Contains(t, err, "missing symbols")
	assert.Contains(t, err, "Py_FinalizeEx, ")
	assert.NotContains(t, err, "Py_GetVersion")
	assert.NotContains(t, err, "PyInitConfig_", "optional ones are not missing")
	for _, name := range required(t) {
		if name != "Py_GetVersion" {
			assert.Contains(t, err, name, "cut off")
		}
	}
}

// TestLoadAfterAnotherThatFailed: the first library's symbols must not be in the way of the second's.
func TestLoadAfterAnotherThatFailed(t *testing.T) {
	bad := sharedObject(t, "const char *Py_GetVersion(void) { return \"bad\"; }\nint Py_IsInitialized(void) { return 0; }\n")
	_, good, _ := pythontest.Runtime().Interpreter()
	stdout, stderr, code := pythontest.Script(t, "load again", "LIBRARY="+bad, "GOOD="+good)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "true true <nil> true true\n", stdout)
}
