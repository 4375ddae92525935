// Package carry has the Python package gopyrpc that the command carries for the python3 that it starts: the Python files and
// the shared library, unpacked into the user's cache when a program first needs them.
//
// A command that `make build` makes has the library (build tag carried). One of `go install` has none, and says so.
package carry

import (
	"errors"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/unpack"
	"github.com/gopyrpc/gopyrpc/python"
)

// ErrNone is a command without a library.
var ErrNone = errors.New("this command was built without the Python package's library: pip install gopyrpc for the python3 that is to run programs, or build the command with make build")

// Is says whether the command carries the package.
func Is() bool { return len(library) > 0 }

// Folder returns the folder that has the package, for PYTHONPATH: see [python.Unpack].
func Folder() (string, error) {
	if !Is() {
		return "", ErrNone
	}
	return python.Unpack(unpack.File{Path: pyname.Package + "/lib" + pyname.Package + ".so", Data: library, Digest: digest})
}
