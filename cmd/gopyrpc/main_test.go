package main

import (
	"path/filepath"
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
)

// binary is the real command, built once.
var binary string

// TestMain installs the Python package beside the command, which as `go build` makes it carries none.
func TestMain(m *testing.M) {
	buildtest.MainWithPackage(m, func(dir string) { binary = filepath.Join(dir, "gopyrpc") }, ".")
}
