package python

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/unpack"
)

// Unpack writes the package's files into the cache of the user, once, and returns the folder, for PYTHONPATH: processes that
// a program starts import the package from there. The folder belongs to the user, and nobody else may write there. Its name
// has the version and a digest of what it has, so another program's is another folder. more are files beside ours.
//
//   - Blocks: file system
//
// Errors: what the file system says; a folder that others may write; no HOME and no XDG_CACHE_HOME.
func Unpack(more ...unpack.File) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to unpack the Python package into: %w; set HOME, or XDG_CACHE_HOME", err)
	}
	return unpack.Into(filepath.Join(cache, pyname.Package), Version(), Files, more...)
}
