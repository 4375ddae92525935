package discover

import (
	"path/filepath"
	"strings"
)

// neededPaths returns the places where the dynamic loader would look for the libpython that the
// executable needs, in the loader's order. The installation's own library directories are asked before
// the system's: another Python of the same version may have put its library there.
func neededPaths(img image, origin string, prefixDirs []string, getenv func(string) string) []string {
	if strings.Contains(img.libpython, "/") {
		return []string{expandOrigin(img.libpython, origin)}
	}
	var dirs []string
	if len(img.runpath) == 0 {
		dirs = append(dirs, img.rpath...)
	}
	dirs = append(dirs, strings.Split(getenv("LD_LIBRARY_PATH"), ":")...)
	dirs = append(dirs, img.runpath...)
	dirs = append(dirs, prefixDirs...)
	dirs = append(dirs, systemDirs()...)
	return joinEach(dirs, origin, []string{img.libpython})
}

// systemDirs are the directories that the dynamic loader searches for everyone.
func systemDirs() []string {
	var dirs []string
	for _, prefix := range []string{"/usr/local", "/usr", "/"} {
		dirs = append(dirs, here.libraryDirs(prefix)...)
	}
	return dirs
}

// joinEach returns every name in every directory, without repetition. Entries that are empty or relative
// would mean the current directory and are left out.
func joinEach(dirs []string, origin string, names []string) []string {
	var paths []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		dir = expandOrigin(dir, origin)
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, name := range names {
			p := filepath.Join(dir, name)
			if !seen[p] {
				seen[p] = true
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// expandOrigin replaces the loader's $ORIGIN, the directory of the executable itself.
func expandOrigin(path, origin string) string {
	return filepath.Clean(strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(path))
}
