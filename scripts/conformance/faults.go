package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/python"
)

// useFaults makes the package for the tests of faults in a folder, and has them use it. Its library differs from the one that is
// shipped: what its agents send may fail, and take long.
func (t *tests) useFaults(ctx context.Context, folder string) error {
	if err := os.CopyFS(folder, python.Files); err != nil {
		return err
	}
	file := filepath.Join(folder, pyname.Package, "lib"+pyname.Package+".so")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "faulty", "-buildmode=c-shared", "-o", file, "./cmd/libgopyrpc")
	build.Dir = t.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the library with faults: %w\n%s", err, out)
	}
	t.packages = folder
	return nil
}

// runAll runs the selected tests, those of faults with a library for them.
func (t *tests) runAll(ctx context.Context, on string, known *table) (map[string]outcome, error) {
	sound, broken := *t, *t
	sound.selected, broken.selected = nil, nil
	for _, name := range t.selected {
		if kindOf(name) == faulty {
			broken.selected = append(broken.selected, name)
		} else {
			sound.selected = append(sound.selected, name)
		}
	}
	found, err := sound.run(ctx, on, known)
	if err != nil || len(broken.selected) == 0 {
		return found, err
	}
	if on == gopyrpc {
		folder, err := os.MkdirTemp("", "conformance-faults")
		if err != nil {
			return found, err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		if err := broken.useFaults(ctx, folder); err != nil {
			return found, err
		}
	}
	more, err := broken.run(ctx, on, known)
	maps.Copy(found, more)
	return found, err
}
