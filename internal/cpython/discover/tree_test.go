package discover_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// answeringProgram is an ELF "interpreter": it prints its first compile-time string.
const answeringProgram = `#include <stdio.h>
int main(void) { puts(ANSWER); return 0; }`

// tree makes an installation with a standard library of 3.minor and returns its prefix.
func tree(t *testing.T, minor string) string {
	t.Helper()
	prefix := realPath(t, t.TempDir())
	write(t, filepath.Join(prefix, "lib", "python3."+minor, "os.py"), "", 0o644)
	return prefix
}

func TestSharedBuildIsReadFromItsHeaders(t *testing.T) {
	for tag, flag := range map[string]string{"runpath": "--enable-new-dtags", "rpath": "--disable-new-dtags"} {
		t.Run(tag, func(t *testing.T) {
			prefix := tree(t, "12")
			lib := library(t, filepath.Join(prefix, "private", "libpython3.12.so.1.0"), "libpython3.12.so.1.0")
			exe := compile(t, filepath.Join(prefix, "bin", "snake"),
				"void Py_InitializeFromConfig(void); int main(void) { Py_InitializeFromConfig(); return 1; }",
				lib, "-Wl,"+flag+",-rpath,$ORIGIN/../private")
			found, err := find(t, exe)
			require.NoError(t, err)
			assert.Equal(t, discover.Interpreter{Executable: exe, Library: lib, Major: 3, Minor: 12,
				Prefix: prefix, Source: discover.SourceOption}, found)
		})
	}
}

func TestStaticBuildTakesTheLibraryOfItsOwnPrefix(t *testing.T) {
	for _, name := range []string{"python3.12", "python3"} {
		t.Run(name, func(t *testing.T) {
			prefix := tree(t, "12")
			lib := library(t, filepath.Join(prefix, "lib64", "libpython3.12.so.1.0"), "libpython3.12.so.1.0")
			exe := compile(t, filepath.Join(prefix, "bin", name), "int main(void) { return 1; }")
			found, err := find(t, exe)
			require.NoError(t, err)
			assert.Equal(t, lib, found.Library)
			assert.Equal(t, prefix, found.Prefix)
		})
	}
}

func TestStaticBuildWithoutLibraryTakesNobodyElses(t *testing.T) {
	prefix := tree(t, "11")
	answer := `-DANSWER="{\"implementation\":\"cpython\",\"major\":3,\"minor\":11,\"base_prefix\":\"` + prefix + `\"}"`
	exe := compile(t, filepath.Join(prefix, "bin", "python3.11"), answeringProgram, answer)
	_, err := find(t, exe)
	require.ErrorIs(t, err, discover.ErrNoLibrary)
	var e *discover.Error
	require.True(t, errors.As(err, &e))
	assert.NotEmpty(t, e.Looked)
	for _, path := range e.Looked {
		assert.True(t, strings.HasPrefix(path, prefix), path)
	}
}

func TestExecutableOfAnotherMachine(t *testing.T) {
	exe := compile(t, filepath.Join(tree(t, "11"), "bin", "python3.11"), "int main(void) { return 0; }")
	otherMachine(t, exe)
	_, err := find(t, exe)
	require.ErrorIs(t, err, discover.ErrArchitecture)
	assert.ErrorContains(t, err, "built for alpha")
}

func TestUnusableLibraryIsNamed(t *testing.T) {
	prefix := tree(t, "11")
	exe := compile(t, filepath.Join(prefix, "bin", "python3.11"), "int main(void) { return 0; }")
	lib := write(t, filepath.Join(prefix, "lib", "libpython3.11.so.1.0"), "not a library", 0o644)
	_, err := find(t, exe)
	require.ErrorIs(t, err, discover.ErrNotPython)
	assert.ErrorContains(t, err, lib)
}

func TestOldAndFreeThreadedBuildsAreToldByName(t *testing.T) {
	for name, kind := range map[string]error{
		"python2.7": discover.ErrTooOld, "python3.8": discover.ErrTooOld,
		fmt.Sprintf("python3.%d", discover.MaxMinor+1): discover.ErrUnsupported, "python3.13t": discover.ErrFreeThreaded,
	} {
		t.Run(name, func(t *testing.T) {
			exe := compile(t, filepath.Join(t.TempDir(), name), "int main(void) { return 0; }")
			_, err := find(t, exe)
			assert.ErrorIs(t, err, kind)
		})
	}
}
