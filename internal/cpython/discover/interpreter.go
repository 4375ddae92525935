// Package discover finds the CPython that gopyrpc is to run with: the executable, which decides the
// standard library and the virtual environment, and the shared libpython that belongs to it.
//
// It is pure Go and loads nothing. Starting an interpreter only to ask where its library is would cost
// as much as the interpreter's own start, so the usual installations are understood by reading the
// executable's ELF headers; only what cannot be understood that way (a shell script in front of Python,
// an unknown layout) is run, once, and asked.
package discover

import (
	"fmt"
	"path/filepath"
)

// The minor versions of Python 3 that gopyrpc runs with, both included.
const (
	MinMinor = 9
	MaxMinor = 15
)

// SupportedVersions returns the range of the two in words, as in "3.9 to 3.15".
func SupportedVersions() string { return fmt.Sprintf("3.%d to 3.%d", MinMinor, MaxMinor) }

// Where an interpreter was named.
const (
	SourceOption     = "option"
	SourceEnv        = "GOPYRPC_PYTHON"
	SourceVirtualEnv = "VIRTUAL_ENV"
	SourcePath       = "PATH"
	SourceSurvey     = "survey" // found by Survey or All rather than named by anyone
)

// Interpreter is an installed CPython together with the shared library to load for it.
type Interpreter struct {
	// Executable is the absolute path that sys.executable shall have. In a virtual environment it is
	// the environment's own bin/python with its symlinks left alone: CPython finds pyvenv.cfg from it.
	Executable string
	// Library is the absolute path of the libpython to load: libpython3.N.so.1.0, libpython3.N.dylib.
	Library string
	// Major and Minor are the version; the patch level is known only once the library is loaded.
	Major, Minor int
	// Prefix is the base prefix ("home") of the installation that owns the library. For a virtual
	// environment that is the installation it was made from.
	Prefix string
	// Source says where the interpreter was named: one of the Source constants.
	Source string
}

// Version returns "3.11" for CPython 3.11.
func (i Interpreter) Version() string { return fmt.Sprintf("%d.%d", i.Major, i.Minor) }

// String names the interpreter for people: "python 3.11 at /usr/bin/python3 with /usr/lib/…".
func (i Interpreter) String() string {
	return fmt.Sprintf("python %s at %s with %s", i.Version(), i.Executable, i.Library)
}

// Include returns the directory where the installation would keep Python.h; it need not exist.
func (i Interpreter) Include() string {
	return filepath.Join(i.Prefix, "include", "python"+i.Version())
}
