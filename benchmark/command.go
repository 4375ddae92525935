package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// command is the gopyrpc whose workers are measured.
type command struct {
	given string // by a flag

	built, dir string
}

// path returns where the command is. Where none was given it is built, once, of the source that the benchmark is run in:
// a binary that lies about may be of another day.
func (c *command) path(ctx context.Context) (string, error) {
	if c.given != "" || c.built != "" {
		return c.given + c.built, nil
	}
	dir, err := os.MkdirTemp("", "gopyrpc-benchmark")
	if err != nil {
		return "", err
	}
	c.dir = dir
	file := filepath.Join(dir, "gopyrpc")
	clone, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/gopyrpc/gopyrpc").Output()
	if err != nil {
		return "", fmt.Errorf("gopyrpc could not be built: this is no clone of it: %w (name the command with --gopyrpc)", err)
	}
	build := exec.CommandContext(ctx, filepath.Join(strings.TrimSpace(string(clone)), "scripts", "build.sh"), file)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("gopyrpc could not be built: %w: %s(run the benchmark in a clone, or name the command with --gopyrpc)", err, out)
	}
	c.built = file
	return file, nil
}

// remove removes what was built.
func (c *command) remove() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}
