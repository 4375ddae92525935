package discover

import (
	"context"
	"os"
)

// ByReading identifies an interpreter from its files alone.
func ByReading(exe string) (Interpreter, error) {
	id, err := inspect(exe, os.Getenv)
	if err != nil {
		return Interpreter{}, err
	}
	return complete(id, Options{})
}

// ByAsking identifies an interpreter by running it.
func ByAsking(ctx context.Context, exe string) (Interpreter, error) {
	id, err := ask(ctx, exe)
	if err != nil {
		return Interpreter{}, err
	}
	return complete(id, Options{})
}

// LibraryPlaces are the places of the library of Python 3.minor, below its prefix, on another system.
func LibraryPlaces(goos, goarch, prefix string, minor int) []string {
	p := platform{goos, goarch}
	return joinEach(p.libraryDirs(prefix), prefix, p.libraryNames(version{major: 3, minor: minor}))
}

// CheckLibraryOn is CheckLibrary on another system.
func CheckLibraryOn(goos, goarch, path string, minor int) error {
	return platform{goos, goarch}.checkLibrary(path, minor)
}

// LibraryVersion reads the version out of a library's name.
func LibraryVersion(name string) (string, bool) {
	v, ok := versionOfLibrary(name)
	return v.String(), ok
}

var CompareVersions = compareVersions
