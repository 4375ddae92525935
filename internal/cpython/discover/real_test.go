package discover_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func TestReadingAgreesWithAsking(t *testing.T) {
	interpreters.Each(t, func(t *testing.T, python discover.Interpreter) {
		read, err := discover.ByReading(python.Executable)
		require.NoError(t, err, "the fast path should understand this installation")
		asked, err := discover.ByAsking(t.Context(), python.Executable)
		require.NoError(t, err)
		assert.Equal(t, realPath(t, asked.Library), realPath(t, read.Library))
		read.Library, asked.Library = "", ""
		assert.Equal(t, asked, read)
	})
}

func TestVirtualEnvironmentKeepsItsOwnPath(t *testing.T) {
	for _, kind := range []string{"--symlinks", "--copies"} {
		t.Run(kind, func(t *testing.T) {
			interpreters.Each(t, func(t *testing.T, python discover.Interpreter) {
				venv := makeVenv(t, python, kind)
				found, err := discover.Find(t.Context(), discover.Options{Getenv: env(map[string]string{"VIRTUAL_ENV": venv})})
				require.NoError(t, err)
				assert.Equal(t, filepath.Join(venv, "bin", "python"), found.Executable)
				assert.Equal(t, python.Library, found.Library)
				assert.Equal(t, python.Prefix, found.Prefix)
				assert.Equal(t, discover.SourceVirtualEnv, found.Source)
			})
		})
	}
}

func TestWrapperScriptLeadsToTheRealInterpreter(t *testing.T) {
	python := interpreters.Find(t)
	wrapper := script(t, filepath.Join(t.TempDir(), "python3"), `echo "starting python"`+"\nexec '"+python.Executable+`' "$@"`)
	found, err := find(t, wrapper)
	require.NoError(t, err)
	assert.Equal(t, python.Executable, found.Executable)
	assert.Equal(t, realPath(t, python.Library), realPath(t, found.Library))
}

func TestSymlinkIsKept(t *testing.T) {
	python := interpreters.Find(t)
	if _, err := os.Stat(filepath.Join(filepath.Dir(python.Executable), "..", "pyvenv.cfg")); err == nil {
		t.Skip("a link to a virtual environment's python leaves the environment")
	}
	link := filepath.Join(t.TempDir(), "snake")
	require.NoError(t, os.Symlink(python.Executable, link))
	found, err := find(t, link)
	require.NoError(t, err)
	assert.Equal(t, link, found.Executable)
	assert.Equal(t, python.Library, found.Library)
}

func TestBrokenVirtualEnvironmentNamesWhatIsGone(t *testing.T) {
	venv := t.TempDir()
	write(t, filepath.Join(venv, "pyvenv.cfg"), "home = /nowhere/bin\nversion = 3.11.2\n", 0o644)
	require.NoError(t, os.MkdirAll(filepath.Join(venv, "bin"), 0o755))
	require.NoError(t, os.Symlink("/nowhere/bin/python3.11", filepath.Join(venv, "bin", "python")))
	_, err := discover.Find(t.Context(), discover.Options{Getenv: env(map[string]string{"VIRTUAL_ENV": venv})})
	require.ErrorIs(t, err, discover.ErrNoPython)
	assert.ErrorContains(t, err, "/nowhere/bin, which is gone")
	assert.ErrorContains(t, err, "VIRTUAL_ENV")
}

func BenchmarkFind(b *testing.B) {
	for _, python := range interpreters.All(b.Context()) {
		b.Run(interpreters.Name(python), func(b *testing.B) {
			for b.Loop() {
				if _, err := discover.Find(b.Context(), discover.Options{Python: python.Executable}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func makeVenv(t *testing.T, python discover.Interpreter, kind string) string {
	t.Helper()
	venv := filepath.Join(t.TempDir(), "venv")
	said, err := exec.Command(python.Executable, "-m", "venv", "--without-pip", kind, venv).CombinedOutput()
	if err != nil && strings.Contains(string(said), "No module named venv") {
		t.Skipf("%s has no venv module (`apt install python3-venv`)", python)
	}
	require.NoError(t, err, "%s", said)
	return venv
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(path)
	require.NoError(t, err)
	return real
}
