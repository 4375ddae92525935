package cpython_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

const checkSource = "testdata/prototypes/check.c"

// gcc gives a compiler command, or skips the test where there is none: cgo has it, a test run of a
// binary built elsewhere may not.
func gcc(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("gcc")
	if err != nil {
		t.Skipf("no C compiler: %v", err)
	}
	return exec.Command(path, args...)
}

// compileAgainst compares an api.h in dir with an installed Python.h.
func compileAgainst(t *testing.T, python discover.Interpreter, dir string) (string, error) {
	t.Helper()
	include := python.Include()
	if _, err := os.Stat(filepath.Join(include, "Python.h")); err != nil {
		t.Skipf("no headers: %v", err)
	}
	out, err := gcc(t, "-std=gnu11", "-fsyntax-only", "-Wall", "-Werror", "-I", include, "-I", dir, checkSource).CombinedOutput()
	return string(out), err
}

func TestPrototypesAreThoseOfPythonH(t *testing.T) {
	interpreters.Each(t, func(t *testing.T, python discover.Interpreter) {
		out, err := compileAgainst(t, python, ".")
		assert.NoError(t, err, out)
	})
}

// The comparison itself works: an api.h with a mistake in it does not pass.
func TestPrototypesCheckSeesMistakes(t *testing.T) {
	python := interpreters.Find(t)
	text, err := os.ReadFile("api.h")
	require.NoError(t, err)
	for right, wrong := range map[string]string{
		"X(int, PyObject_IsTrue, (PyObject *))":   "X(long, PyObject_IsTrue, (PyObject *))",
		"X(PyObject *, PyList_New, (Py_ssize_t))": "X(PyObject *, PyList_New, (int))",
		"Py_ssize_t *suboffsets;":                 "Py_ssize_t suboffsets;",
		"LONG (1UL << 24)":                        "LONG (1UL << 23)",
		"Py_bf_getbuffer 1\n":                     "Py_bf_getbuffer 88\n",
	} {
		require.Contains(t, string(text), right)
		dir := t.TempDir()
		mistaken := strings.Replace(string(text), right, wrong, 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "api.h"), []byte(mistaken), 0o600))
		_, err := compileAgainst(t, python, dir)
		assert.Error(t, err, wrong)
	}
}

var (
	list = regexp.MustCompile(`(?m)^#define CPY_(REQUIRED|OBJECTS|EXCEPTIONS)\(X\)((?:.*\\\n)*.*)`)
	row  = regexp.MustCompile(`X\((?:[^,()]*, )?(\w+)[,)]`)
)

// required lists every symbol that a libpython must export.
func required(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("api.h")
	require.NoError(t, err)
	var names []string
	for _, l := range list.FindAllStringSubmatch(string(text), -1) {
		for _, r := range row.FindAllStringSubmatch(l[2], -1) {
			names = append(names, r[1])
		}
	}
	require.Greater(t, len(names), 90, "the rows are not where they were")
	require.Contains(t, names, "Py_GetVersion")
	require.Contains(t, names, "PyCapsule_GetPointer")
	require.Contains(t, names, "PyByteArray_Type")
	require.Contains(t, names, "PyExc_SystemError")
	return names
}

func TestEveryLibraryExportsWhatIsRequired(t *testing.T) {
	names := required(t)
	interpreters.Each(t, func(t *testing.T, python discover.Interpreter) {
		library, err := elf.Open(python.Library)
		require.NoError(t, err)
		defer func() { _ = library.Close() }()
		symbols, err := library.DynamicSymbols()
		require.NoError(t, err)
		exported := map[string]bool{}
		for _, s := range symbols {
			if s.Section != elf.SHN_UNDEF {
				exported[s.Name] = true
			}
		}
		for _, name := range names {
			assert.True(t, exported[name], "%s exports no %s", python.Library, name)
		}
	})
}
