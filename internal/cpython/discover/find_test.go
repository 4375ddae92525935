package discover_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func TestOrderOfSources(t *testing.T) {
	python := interpreters.Find(t)
	good, bad := python.Executable, filepath.Join(t.TempDir(), "gone")
	onPath := t.TempDir()
	script(t, filepath.Join(onPath, "python3"), "exec '"+good+`' "$@"`)
	cases := map[string]struct {
		option string
		vars   map[string]string
		source string
	}{
		"option first":          {good, map[string]string{"GOPYRPC_PYTHON": bad, "VIRTUAL_ENV": bad}, discover.SourceOption},
		"option by name":        {"python3", map[string]string{"GOPYRPC_PYTHON": bad, "PATH": onPath}, discover.SourceOption},
		"then GOPYRPC_PYTHON":   {"", map[string]string{"GOPYRPC_PYTHON": good, "VIRTUAL_ENV": bad}, discover.SourceEnv},
		"GOPYRPC_PYTHON's name": {"", map[string]string{"GOPYRPC_PYTHON": "python3", "PATH": onPath}, discover.SourceEnv},
		"PATH last":             {"", map[string]string{"PATH": onPath}, discover.SourcePath},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, err := discover.Find(t.Context(), discover.Options{Python: c.option, Getenv: env(c.vars)})
			require.NoError(t, err)
			assert.Equal(t, c.source, found.Source)
			assert.Equal(t, python.Library, found.Library)
		})
	}
}

func TestNamedInterpreterThatFailsIsAnError(t *testing.T) {
	python := interpreters.Find(t)
	bad := filepath.Join(t.TempDir(), "gone")
	path := filepath.Dir(python.Executable)
	cases := map[string]discover.Options{
		discover.SourceOption:     {Python: bad, Getenv: env(map[string]string{"PATH": path})},
		discover.SourceEnv:        {Getenv: env(map[string]string{"GOPYRPC_PYTHON": bad, "PATH": path})},
		discover.SourceVirtualEnv: {Getenv: env(map[string]string{"VIRTUAL_ENV": bad, "PATH": path})},
	}
	for source, opt := range cases {
		t.Run(source, func(t *testing.T) {
			_, err := discover.Find(t.Context(), opt)
			require.ErrorIs(t, err, discover.ErrNoPython)
			var e *discover.Error
			require.True(t, errors.As(err, &e))
			assert.Equal(t, source, e.Source)
			assert.ErrorContains(t, err, bad)
		})
	}
}

func TestNothingFoundListsWhereItLooked(t *testing.T) {
	empty := t.TempDir()
	_, err := discover.Find(t.Context(), discover.Options{Getenv: env(map[string]string{"PATH": empty + ":.:"})})
	require.ErrorIs(t, err, discover.ErrNoPython)
	for _, part := range []string{"--python", "GOPYRPC_PYTHON", "VIRTUAL_ENV", "PATH (" + empty + ")", "apt install"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestFailingPythonOnPathNamesOneThatWouldDo(t *testing.T) {
	var good string
	for _, python := range interpreters.All(t.Context()) {
		if filepath.Base(python.Executable) == "python3" {
			good = python.Executable
		}
	}
	if good == "" {
		t.Skip("no interpreter here is called python3")
	}
	first := t.TempDir()
	script(t, filepath.Join(first, "python3"), "echo 'pyenv: python3: command not found' >&2; exit 127")
	_, err := discover.Find(t.Context(), discover.Options{Getenv: env(map[string]string{
		"PATH": first + ":" + filepath.Dir(good)})})
	require.ErrorIs(t, err, discover.ErrNotPython)
	assert.ErrorContains(t, err, "pyenv: python3: command not found")
	assert.ErrorContains(t, err, "--python "+good)
}

func TestExplicitLibrary(t *testing.T) {
	python := interpreters.Find(t)
	opt := discover.Options{Python: python.Executable, Library: python.Library}
	found, err := discover.Find(t.Context(), opt)
	require.NoError(t, err)
	assert.Equal(t, python.Library, found.Library)

	opt.Library = filepath.Join(t.TempDir(), "libpython3.so")
	_, err = discover.Find(t.Context(), opt)
	assert.ErrorIs(t, err, discover.ErrNoLibrary)
}
