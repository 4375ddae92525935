package discover

import (
	"errors"
	"path/filepath"
)

// errUnsure: reading the files was not enough, the interpreter has to be asked.
var errUnsure = errors.New("cannot tell without running it")

// identity is an interpreter of which everything is known but which of the candidates is its library.
type identity struct {
	executable string
	version    version
	prefix     string
	candidates []string // where the library may be, most likely first
}

// inspect identifies an interpreter by reading files only. It fails with errUnsure where it has to be
// asked instead, and with an *Error where it is plainly unusable.
func inspect(exe string, getenv func(string) string) (identity, error) {
	real, err := filepath.EvalSymlinks(exe)
	if err != nil {
		return identity{}, errUnsure
	}
	img, err := readImage(real)
	if err != nil {
		return identity{}, err
	}
	home := homeOf(exe, real)
	v, ok := versionOf(img, real, home)
	if !ok {
		return identity{}, errUnsure
	}
	if err := checkSupported(v, exe); err != nil {
		return identity{}, err
	}
	prefix := findPrefix(home, v)
	if prefix == "" {
		return identity{}, errUnsure
	}
	return identity{exe, v, prefix, libraryPaths(img, v, filepath.Dir(real), prefix, getenv)}, nil
}

// homeOf returns the directory from which CPython starts to look for its standard library.
func homeOf(exe, real string) string {
	home := venvHome(exe)
	if home == "" {
		return filepath.Dir(real)
	}
	if resolved, err := filepath.EvalSymlinks(home); err == nil {
		return resolved
	}
	return home
}

// versionOf tells the version from the library that the executable needs, from the executable's own name,
// or, for a plain "python3", from the standard library that it must have.
func versionOf(img image, real, home string) (version, bool) {
	if img.libpython != "" {
		return versionOfLibrary(img.libpython)
	}
	if v, ok := parseName(executableName, real); ok {
		return v, true
	}
	if name := filepath.Base(real); name == "python" || name == "python3" {
		return onlyStdlib(home)
	}
	return version{}, false
}

// libraryPaths lists the places of the library. A statically linked interpreter names none, so only its
// own installation counts: elsewhere there may well be the library of another Python of that version.
func libraryPaths(img image, v version, origin, prefix string, getenv func(string) string) []string {
	own := here.libraryDirs(prefix)
	if img.libpython != "" {
		return neededPaths(img, origin, own, getenv)
	}
	return joinEach(own, origin, here.libraryNames(v))
}
