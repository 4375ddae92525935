package buildtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/python"
)

// Package returns a folder with the Python package as a wheel installs it, with the shared library: for PYTHONPATH. It is
// built once in a test process, and stays until [RemovePackage].
func Package(t testing.TB) string {
	t.Helper()
	dir, err := built()
	require.NoError(t, err)
	return dir
}

// InstallPackage has all python3 that the process starts import that package. It is for a TestMain.
func InstallPackage() error {
	dir, err := built()
	if err != nil {
		return err
	}
	return os.Setenv("PYTHONPATH", dir+string(os.PathListSeparator)+os.Getenv("PYTHONPATH"))
}

// RemovePackage removes what was built, if it was. It is for a TestMain.
func RemovePackage() {
	if packageFolder != "" {
		_ = os.RemoveAll(packageFolder)
	}
}

var packageFolder string

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gopyrpc-package")
	if err != nil {
		return "", err
	}
	packageFolder = dir
	if err := os.CopyFS(dir, python.Files); err != nil {
		return "", err
	}
	file := filepath.Join(dir, pyname.Package, "lib"+pyname.Package+".so")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "github.com/gopyrpc/gopyrpc/cmd/libgopyrpc")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the library: %w\n%s", err, out)
	}
	return dir, nil
})
