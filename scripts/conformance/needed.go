package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// expecttest is what torch's own tests need beside torch: their TestCase derives from its.
const expecttest = "expecttest==0.3.0"

// needed returns the folders in which the interpreter is to look for what it lacks of expecttest, which pip brings.
func needed(ctx context.Context, python, root string) ([]string, error) {
	if exec.CommandContext(ctx, python, "-c", "import expecttest").Run() == nil {
		return nil, nil
	}
	dir := filepath.Join(root, ".cache", "conformance", expecttest)
	if _, err := os.Stat(filepath.Join(dir, "expecttest")); err == nil {
		return []string{dir}, nil
	}
	pip := exec.CommandContext(ctx, filepath.Join(root, "scripts", "python.sh"), "pip")
	pip.Env = append(os.Environ(), "GOPYRPC_PYTHON=")
	installer, err := pip.Output()
	if err != nil {
		return nil, fmt.Errorf("torch's tests need %s, and no Python here has pip to install it", expecttest)
	}
	install := exec.CommandContext(ctx, string(installer[:max(len(installer)-1, 0)]), "-m", "pip", "install", "--quiet", "--no-deps",
		"--disable-pip-version-check", "--target", dir, expecttest)
	install.Env = append(os.Environ(), "PIP_ROOT_USER_ACTION=ignore")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("installing %s: %w\n%s", expecttest, err, out)
	}
	return []string{dir}, nil
}
