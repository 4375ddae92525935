package discover

import (
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// platform is one of Go's operating systems and one of its processors, by Go's names.
type platform struct{ goos, goarch string }

var here = platform{runtime.GOOS, runtime.GOARCH}

var (
	libraryName   = regexp.MustCompile(`(?:^|/)libpython(\d+)\.(\d+)([a-z]*)\.(?:so|dylib)`)
	frameworkName = regexp.MustCompile(`(?:^|/)Python[3T]*\.framework/Versions/(\d+)\.(\d+)([a-z]*)/`)
)

// libraryNames returns the file names under which a build of this version installs its library, the usual one first.
// On Linux the second is the link that only the development package has; in a framework of macOS the name has no version.
func (p platform) libraryNames(v version) []string {
	base := "libpython" + v.String()
	switch {
	case p.goos != "darwin":
		return []string{base + ".so.1.0", base + ".so"}
	case hasLetter(v.abi, 't'):
		return []string{base + ".dylib", "PythonT"}
	}
	return []string{base + ".dylib", "Python", "Python3"}
}

// libraryDirs are the directories in which an installation keeps its libraries.
func (p platform) libraryDirs(prefix string) []string {
	lib := filepath.Join(prefix, "lib")
	if p.goos == "darwin" {
		return []string{lib, prefix} // the latter in a framework: Python.framework/Versions/3.13
	}
	dirs := []string{lib}
	if triplet := architectures[p.goarch].multiarch; triplet != "" {
		dirs = append(dirs, filepath.Join(lib, triplet))
	}
	return append(dirs, filepath.Join(prefix, "lib64"))
}

// versionOfLibrary reads the version out of a library's name: libpython3.13.so.1.0, @rpath/libpython3.13.dylib,
// /Library/Frameworks/Python.framework/Versions/3.13/Python.
func versionOfLibrary(name string) (version, bool) {
	if v, ok := parseName(libraryName, name); ok {
		return v, true
	}
	v, ok := parseName(frameworkName, name)
	if ok && strings.Contains(name, "PythonT.framework") { // the free-threaded build's
		v.abi += "t"
	}
	return v, ok
}

// exampleLibrary is what a library is called, for advice.
func (p platform) exampleLibrary() string {
	if p.goos == "darwin" {
		return "libpython3.N.dylib"
	}
	return "libpython3.N.so.1.0"
}

// install is a command by which most people get a Python with a shared library.
func (p platform) install() string {
	if p.goos == "darwin" {
		return "`brew install python`"
	}
	return "`apt install python3 libpython3-dev`"
}
