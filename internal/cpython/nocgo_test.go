package cpython_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goTool returns a go command, or skips the test: a machine that only runs the tests may not have Go.
func goTool(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no go: %v", err)
	}
	return exec.Command(path, args...)
}

const needsCgo = `# github.com/gopyrpc/gopyrpc/internal/cpython
internal/cpython/nocgo.go:7:15: cannot use "gopyrpc needs cgo: a C compiler (gcc, or CC) and CGO_ENABLED=1" (untyped string constant) as int value in constant declaration
`

// TestBuildWithoutCgo: a program that imports any of the packages is told in one line what is missing.
func TestBuildWithoutCgo(t *testing.T) {
	program := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(program, []byte(`package main

import (
	"context"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

var _, _, _ = gil.With, handler.New, pyworker.New

func main() { _, _ = pybridge.Start(context.Background()) }
`), 0o600))
	build := func(cgo string) (string, error) {
		cmd := goTool(t, "build", "-o", os.DevNull, program)
		cmd.Dir = filepath.Join("..", "..") // whose module the program is built in
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := build("0")
	assert.Error(t, err)
	assert.Equal(t, needsCgo, out)
	out, err = build("1")
	assert.NoError(t, err, out)
}
