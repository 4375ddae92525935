package discover_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

func TestRefusedAnswers(t *testing.T) {
	cases := map[string]struct {
		properties map[string]any
		kind       error
		says       string
	}{
		"pypy":          {map[string]any{"implementation": "pypy"}, discover.ErrNotCPython, "is pypy, not cpython"},
		"python 2":      {map[string]any{"major": 2, "minor": 7}, discover.ErrTooOld, "python 2.7"},
		"old":           {map[string]any{"minor": 8}, discover.ErrTooOld, discover.SupportedVersions()},
		"new":           {map[string]any{"minor": discover.MaxMinor + 1}, discover.ErrUnsupported, discover.SupportedVersions()},
		"free-threaded": {map[string]any{"minor": 13, "free_threaded": true}, discover.ErrFreeThreaded, "python 3.13t"},
		"no library":    {map[string]any{"minor": 12}, discover.ErrNoLibrary, "libpython3.12.so.1.0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := find(t, answering(t, c.properties))
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestNoLibraryAdviceFitsTheInstallation(t *testing.T) {
	cases := map[string]string{
		"/usr":                      "apt install libpython3.10",
		"/home/me/.pyenv/v/3.10.99": "PYTHON_CONFIGURE_OPTS=--enable-shared",
		"/opt/python":               "--enable-shared",
	}
	for prefix, advice := range cases {
		t.Run(prefix, func(t *testing.T) {
			if found, _ := filepath.Glob("/usr/lib/*/libpython3.10.so*"); prefix == "/usr" && found != nil {
				t.Skip("the distribution here has the library that the test needs to be missing")
			}
			_, err := find(t, answering(t, map[string]any{"minor": 10, "base_prefix": prefix}))
			require.ErrorIs(t, err, discover.ErrNoLibrary)
			assert.ErrorContains(t, err, advice)
			assert.ErrorContains(t, err, prefix+"/lib/libpython3.10.so.1.0")
		})
	}
}

func TestNotPython(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]struct{ path, says string }{
		"prints something": {script(t, filepath.Join(dir, "a"), "echo hello"), `"hello"`},
		"prints nothing":   {script(t, filepath.Join(dir, "b"), ":"), "does not answer"},
		"prints json":      {script(t, filepath.Join(dir, "c"), "echo '{}'"), "does not answer"},
		"fails":            {script(t, filepath.Join(dir, "d"), "echo out of order >&2; exit 3"), "out of order"},
		"not executable":   {write(t, filepath.Join(dir, "e"), "x", 0o644), "not executable"},
		"garbage":          {write(t, filepath.Join(dir, "f"), "\x00\x01", 0o755), "does not answer"},
		"directory":        {dir, "is a directory"},
		"another program":  {script(t, filepath.Join(dir, "g"), `echo "no file $6" >&2; exit 2`), "g is no python interpreter (named by --python); name a cpython"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := find(t, c.path)
			require.ErrorIs(t, err, discover.ErrNotPython)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, c.path)
		})
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "started")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	hanging := script(t, filepath.Join(dir, "python3"), "echo > '"+fifo+"'; exec tail -f /dev/null")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		_, _ = os.ReadFile(fifo) // returns once the script runs
	}()
	_, err := discover.Find(ctx, discover.Options{Python: hanging, Getenv: env(nil)})
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, discover.ErrNotPython)
}
