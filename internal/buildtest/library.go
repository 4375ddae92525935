package buildtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/python"
)

var built struct {
	once sync.Once
	dir  string
	err  error
	out  []byte
}

// Library returns a folder with the Python package as a wheel installs it, with the shared library: for PYTHONPATH. It is
// built once in a test process, and stays until [RemoveLibrary].
func Library(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "gopyrpc-package"); built.err != nil {
			return
		}
		if built.err = os.CopyFS(built.dir, python.Files); built.err != nil {
			return
		}
		file := filepath.Join(built.dir, pyname.Package, "lib"+pyname.Package+".so")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "github.com/gopyrpc/gopyrpc/cmd/libgopyrpc")
		built.out, built.err = cmd.CombinedOutput()
	})
	require.NoError(t, built.err, string(built.out))
	return built.dir
}

// RemoveLibrary removes what Library has made, if it was called. It is for a TestMain.
func RemoveLibrary() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}
