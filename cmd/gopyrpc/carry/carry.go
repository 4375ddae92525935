// Package carry has the Python package gopyrpc that the command carries for the python3 that it starts: the Python files and
// the shared library, unpacked into the user's cache when a program first needs them.
//
// A command that `make build` makes has the library (build tag carried). One of `go install` has none, and says so.
package carry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/python"
)

// ErrNone is a command without a library.
var ErrNone = errors.New("this command was built without the Python package's library: pip install gopyrpc for the python3 that is to run programs, or build the command with make build")

// libraryFile is the library beside the package's files.
const libraryFile = "lib" + pyname.Package + ".so"

// Is says whether the command carries the package.
func Is() bool { return len(library) > 0 }

// Folder returns the folder that has the package, for PYTHONPATH. It is below the user's cache, belongs to this user, and
// nobody else may write there. It is unpacked if it is not there; its name is made of what it has, so another command's is
// another folder.
func Folder() (string, error) {
	if !Is() {
		return "", ErrNone
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to unpack the Python package into: %w; set HOME, or XDG_CACHE_HOME", err)
	}
	return unpackInto(filepath.Join(cache, pyname.Package), library, digest)
}

// unpackInto returns the folder below root, with a library that has that digest.
func unpackInto(root string, library []byte, digest string) (string, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("the Python package cannot be unpacked: %w", err)
	}
	if err := checkOurs(root); err != nil {
		return "", err
	}
	key, err := keyOf(digest)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, key)
	if _, err := os.Lstat(dir); err == nil {
		return dir, checkOurs(dir)
	}
	made, err := os.MkdirTemp(root, "new-") // mode 0700
	if err != nil {
		return "", fmt.Errorf("the Python package cannot be unpacked: %w", err)
	}
	defer func() { _ = os.RemoveAll(made) }() // does nothing where it was renamed
	if err := write(made, library); err != nil {
		return "", fmt.Errorf("the Python package cannot be unpacked: %w", err)
	}
	if err := os.Rename(made, dir); err != nil {
		if checked := checkOurs(dir); checked != nil { // else another command was faster
			return "", fmt.Errorf("the Python package cannot be unpacked: %w", err)
		}
	}
	return dir, nil
}

// keyOf is the name of the folder with the carried files and that library.
func keyOf(digest string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, strings.TrimSpace(digest))
	err := fs.WalkDir(python.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := python.Files.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	return python.Version() + "-" + hex.EncodeToString(sum.Sum(nil))[:16], err
}

func write(dir string, library []byte) error {
	if err := os.CopyFS(dir, python.Files); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pyname.Package, libraryFile), library, 0o700)
}

// checkOurs refuses a folder that somebody else could have put there, or can change: Python would run what it has.
func checkOurs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("the Python package cannot be unpacked: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is to hold the Python package, and is no folder: remove it", dir)
	case ok && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("%s is to hold the Python package, and belongs to another user: set XDG_CACHE_HOME to a folder of your own", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s is to hold the Python package, and others may write there (mode %v): chmod 700 it", dir, info.Mode().Perm())
	}
	return nil
}
