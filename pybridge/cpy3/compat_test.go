//go:build cpy3

package cpy3_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	python3 "github.com/go-python/cpy3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge/cpy3"
)

// Two copies of libpython in one process corrupt each other.
func TestOneLibraryInTheProcess(t *testing.T) {
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	loaded := map[string]bool{}
	for line := range strings.Lines(string(maps)) {
		if i := strings.IndexByte(line, '/'); i >= 0 && strings.HasPrefix(filepath.Base(line[i:]), "libpython3") {
			loaded[strings.TrimSpace(line[i:])] = true
		}
	}
	_, library, _ := pythontest.Runtime().Interpreter()
	library, err = filepath.EvalSymlinks(library)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{library: true}, loaded)
}

// cpy3 reads them at program start, before Python is initialised.
func TestVariablesOfCpy3AreValid(t *testing.T) {
	for name, p := range map[string]*python3.PyObject{
		"None": python3.Py_None, "True": python3.Py_True, "False": python3.Py_False,
		"dict": python3.Dict, "str": python3.Unicode, "int": python3.Long, "type": python3.Type,
		"BaseException": python3.PyExc_BaseException, "ValueError": python3.PyExc_ValueError,
		"OSError": python3.PyExc_OSError, "KeyError": python3.PyExc_KeyError,
		"ModuleNotFoundError": python3.PyExc_ModuleNotFoundError,
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				want, err := pythontest.Eval(t, tok, name).Pointer(tok)
				require.NoError(t, err)
				assert.Equal(t, (*python3.PyObject)(want), p)
			})
		})
	}
}

// What compat.h stands in for can be called.
func TestRemovedFunctions(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.Zero(t, python3.PyDict_ClearFreeList())
		assert.Zero(t, python3.PyFloat_ClearFreeList())
		assert.Zero(t, python3.PyList_ClearFreeList())
		python3.PyEval_ReInitThreads()
		assert.True(t, python3.PyEval_ThreadsInitialized())
		assert.NotZero(t, python3.Py_SetStandardStreamEncoding("utf-8", "strict"), "Python runs already")
		none := ^uintptr(0)
		assert.Equal(t, none, python3.PySignal_SetWakeupFd(none))
		assert.NoError(t, cpy3.Err(tok))
	})
}
