// Package python has the files of the Python package gopyrpc, as a wheel installs them. Package handler carries them
// into the Python inside a Go process; the command unpacks them for the python3 that it starts.
package python

import "embed"

// Files are the sources, below the folder "gopyrpc".
//
//go:embed gopyrpc/*.py gopyrpc/*/*.py
var Files embed.FS
