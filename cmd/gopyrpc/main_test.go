package main

import (
	"path/filepath"
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
)

// binary is the real command, built once.
var binary string

func TestMain(m *testing.M) {
	buildtest.Main(m, func(dir string) { binary = filepath.Join(dir, "gopyrpc") }, ".")
}
