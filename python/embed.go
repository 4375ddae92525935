// Package python has the files of the Python package gopyrpc, as a wheel installs them. Package handler carries them
// into the Python inside a Go process; the command unpacks them for the python3 that it starts.
package python

import (
	"embed"
	"regexp"
	"sync"
)

// Files are the sources, below the folder "gopyrpc".
//
//go:embed gopyrpc/*.py gopyrpc/*/*.py
var Files embed.FS

// Version returns the version of the project: __version__ in gopyrpc/__init__.py, which is the only place that has it.
func Version() string { return version() }

var version = sync.OnceValue(func() string {
	source, _ := Files.ReadFile("gopyrpc/__init__.py") // is in the binary; the test would tell
	if found := versionLine.FindSubmatch(source); found != nil {
		return string(found[1])
	}
	return "unknown"
})

var versionLine = regexp.MustCompile(`(?m)^__version__ = "([^"]+)"$`)
