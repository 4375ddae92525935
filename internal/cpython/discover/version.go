package discover

import (
	"fmt"
	"regexp"
	"strconv"
)

var executableName = regexp.MustCompile(`(?:^|/)python(\d+)\.(\d+)([a-z]*)$`)

// version is what the name of an interpreter or of a libpython tells. Its abi letters are CPython's own:
// "t" is a free-threaded build, "d" a debug build, "m" an old leftover of 3.7 and before.
type version struct {
	major, minor int
	abi          string
}

// String returns "3.13t" and the like, as it appears in file names.
func (v version) String() string { return fmt.Sprintf("%d.%d%s", v.major, v.minor, v.abi) }

// parseName reads the version out of a file's name, by a pattern for it.
func parseName(pattern *regexp.Regexp, path string) (version, bool) {
	m := pattern.FindStringSubmatch(path)
	if m == nil {
		return version{}, false
	}
	major, err1 := strconv.Atoi(m[1])
	minor, err2 := strconv.Atoi(m[2])
	return version{major, minor, m[3]}, err1 == nil && err2 == nil
}

// checkSupported refuses versions that gopyrpc does not run with. path is the file it speaks of.
func checkSupported(v version, path string) error {
	e := &Error{Path: path, Advice: "gopyrpc runs with python " + SupportedVersions() +
		": name one with --python or GOPYRPC_PYTHON, or install one (" + here.install() + ")"}
	switch {
	case v.major < 3 || v.major == 3 && v.minor < MinMinor:
		e.Kind, e.Detail = ErrTooOld, fmt.Sprintf("python %s at %s is too old", v, path)
	case v.major > 3 || v.minor > MaxMinor:
		e.Kind, e.Detail = ErrUnsupported, fmt.Sprintf("python %s at %s is newer than this gopyrpc knows", v, path)
	case hasLetter(v.abi, 't'):
		e.Kind, e.Detail = ErrFreeThreaded, fmt.Sprintf("python %s at %s is a free-threaded build", v, path)
		e.Advice = "gopyrpc needs the build with the GIL: name it with --python or GOPYRPC_PYTHON"
	default:
		return nil
	}
	return e
}

func hasLetter(s string, letter rune) bool {
	for _, r := range s {
		if r == letter {
			return true
		}
	}
	return false
}
