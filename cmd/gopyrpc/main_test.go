package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
)

// binary is the real command, built once.
var binary string

// TestMain installs the Python package beside the command, which as `go build` makes it carries none.
func TestMain(m *testing.M) {
	defer buildtest.RemovePackage()
	buildtest.Main(m, func(dir string) {
		binary = filepath.Join(dir, "gopyrpc")
		if err := buildtest.InstallPackage(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}, ".")
}
