// Package unpack writes files that a program carries into the cache of its user, once, for other programs to read.
package unpack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// File is one that is not in the program's file system, such as a large one whose digest is known.
type File struct {
	Path   string
	Data   []byte
	Digest string
}

// Into returns a folder below root that has the files: name, and a digest of what it has. It is written if it is not there,
// under another name first, so that it is seen complete or not at all.
//
// The folder and root belong to this user, and nobody else may write there: programs run what they find. Into makes
// root if there is none, and refuses one that is otherwise.
func Into(root, name string, files fs.FS, more ...File) (string, error) {
	dir, err := into(root, name, files, more)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "", fmt.Errorf("version %s cannot be unpacked into %s: %w: set XDG_CACHE_HOME to a folder of your own", name, root, err)
	case err != nil:
		return "", fmt.Errorf("version %s cannot be unpacked into %s: %w", name, root, err)
	}
	return dir, nil
}

func into(root, name string, files fs.FS, more []File) (string, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	if err := checkOurs(root); err != nil {
		return "", err
	}
	digest, err := digestOf(files, more)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, name+"-"+digest)
	if _, err := os.Lstat(dir); err == nil {
		return dir, checkOurs(dir)
	}
	made, err := os.MkdirTemp(root, "new-") // mode 0700
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(made) }() // does nothing where it was renamed
	if err := write(made, files, more); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil {
		if checkOurs(dir) != nil { // else another process was faster
			return "", err
		}
	}
	return dir, nil
}

func digestOf(files fs.FS, more []File) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	for _, f := range more {
		fmt.Fprintf(sum, "%s %s\n", f.Path, f.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

func write(dir string, files fs.FS, more []File) error {
	if err := os.CopyFS(dir, files); err != nil {
		return err
	}
	for _, f := range more {
		if err := os.WriteFile(filepath.Join(dir, f.Path), f.Data, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// checkOurs refuses a folder that somebody else could have put there, or can change.
func checkOurs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is no folder: remove it", dir)
	case ok && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user: set XDG_CACHE_HOME to a folder of your own", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write in %s (mode %v): chmod 700 it", dir, info.Mode().Perm())
	}
	return nil
}
