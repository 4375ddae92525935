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

// MainWithPackage is [Main] for tests whose commands start python3: each imports the package that [Package] returns.
func MainWithPackage(m *testing.M, made func(dir string), packages ...string) {
	Main(m, func(dir string) {
		made(dir)
		folder, err := built()
		if err == nil {
			err = os.Setenv("PYTHONPATH", folder+string(os.PathListSeparator)+os.Getenv("PYTHONPATH"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}, packages...)
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
