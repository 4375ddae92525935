package discover_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func TestCheckLibraryAcceptsEveryInstalledOne(t *testing.T) {
	interpreters.Each(t, func(t *testing.T, python discover.Interpreter) {
		require.NoError(t, discover.CheckLibrary(python.Library, python.Minor))
		require.NoError(t, discover.CheckLibrary(python.Library, 0))
		assert.ErrorIs(t, discover.CheckLibrary(python.Library, python.Minor+1), discover.ErrVersionMismatch)
	})
}

func TestCheckLibraryRefusals(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	foreign := library(t, at("foreign.so"), "libpython3.11.so.1.0")
	otherMachine(t, foreign)
	cases := map[string]struct {
		path string
		kind error
		says string
	}{
		"missing":       {at("gone.so"), discover.ErrNoLibrary, "no python library at"},
		"text":          {write(t, at("libpython3.11.so.1.0"), "INPUT(-lpython3.11)\n", 0o644), discover.ErrNotPython, "not an ELF shared library"},
		"empty":         {write(t, at("empty.so"), "", 0o644), discover.ErrNotPython, "not an ELF shared library"},
		"executable":    {compile(t, at("program"), "int main(void) { return 0; }", "-no-pie"), discover.ErrNotPython, "not a shared library"},
		"other library": {compile(t, at("other.so"), "int x;", "-shared", "-fPIC"), discover.ErrNotPython, "does not export Py_InitializeFromConfig"},
		"only imports": {compile(t, at("user.so"), "void Py_InitializeFromConfig(void); void f(void) { Py_InitializeFromConfig(); }",
			"-shared", "-fPIC"), discover.ErrNotPython, "does not export"},
		"stub":          {compile(t, at("libpython3.so"), "int x;", "-shared", "-fPIC"), discover.ErrNotPython, "stable-ABI stub"},
		"other machine": {foreign, discover.ErrArchitecture, "alpha"},
		"other version": {library(t, at("named.so"), "libpython3.12.so.1.0"), discover.ErrVersionMismatch, "python 3.12's library, but python 3.11"},
		"too old":       {library(t, at("old.so"), "libpython3.8.so.1.0"), discover.ErrTooOld, discover.SupportedVersions()},
		"free-threaded": {library(t, at("free.so"), "libpython3.13t.so.1.0"), discover.ErrFreeThreaded, "free-threaded"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := discover.CheckLibrary(c.path, 11)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, c.path)
		})
	}
}

func TestCheckLibraryWantsTheStableStartOf314(t *testing.T) {
	path := compile(t, filepath.Join(t.TempDir(), "lib.so"), "void Py_InitializeFromConfig(void) {}", "-shared", "-fPIC")
	assert.NoError(t, discover.CheckLibrary(path, 13))
	assert.ErrorContains(t, discover.CheckLibrary(path, 14), "Py_InitializeFromInitConfig")
}
