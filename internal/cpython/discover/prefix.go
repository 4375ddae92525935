package discover

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// CPython knows its installation by the standard library's os.py. Fedora keeps it below lib64.
var stdlibParents = []string{"lib", "lib64"}

// findPrefix walks up from dir, as CPython does, to the directory that holds the standard library of
// version v. It returns "" where there is none.
func findPrefix(dir string, v version) string {
	for ; ; dir = filepath.Dir(dir) {
		if hasStdlib(dir, v) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

func hasStdlib(prefix string, v version) bool {
	// Free-threaded builds append their letter to the directory's name; the others append nothing.
	name := "python" + version{major: v.major, minor: v.minor}.String()
	for _, parent := range stdlibParents {
		if isFile(filepath.Join(prefix, parent, name, "os.py")) {
			return true
		}
	}
	return false
}

// onlyStdlib returns the version of the standard library that belongs to an executable in dir, where its
// installation has exactly one. It serves executables called just "python3".
func onlyStdlib(dir string) (version, bool) {
	prefix := filepath.Dir(dir)
	found := map[version]bool{}
	for _, parent := range stdlibParents {
		matches, err := filepath.Glob(filepath.Join(escapeGlob(prefix), parent, "python3.*", "os.py"))
		if err != nil {
			return version{}, false
		}
		for _, m := range matches {
			minor, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(m)), "python3."))
			if err != nil {
				return version{}, false // python3.13t and the like: better ask
			}
			found[version{major: 3, minor: minor}] = true
		}
	}
	for v := range found {
		return v, len(found) == 1
	}
	return version{}, false
}

// escapeGlob keeps the characters of a directory's name from being read as a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
