package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

//go:embed layout/measure.c
var program string

// statusSize is sizeof(PyStatus) in bytes. C returns a PyStatus by value, so the size must be the same in all versions.
const statusSize = 32

// measureAll measures every Python.h that it finds. Two patch releases that disagree are an error: the layout of that minor
// version is not frozen then.
func measureAll(ctx context.Context, include []string, out io.Writer) (rows, error) {
	all, source := rows{}, map[int]string{}
	for _, dir := range includeDirs(ctx, include) {
		minor, r, err := measure(ctx, dir)
		if err != nil {
			return nil, err
		}
		if minor < firstMinor || minor > lastMinor {
			fmt.Fprintf(out, "3.%d: %s needs no row\n", minor, dir)
			continue
		}
		if before, ok := all[minor]; ok && before != r {
			return nil, fmt.Errorf("%s and %s disagree about python 3.%d: %v and %v", source[minor], dir, minor, before, r)
		}
		all[minor], source[minor] = r, dir
		fmt.Fprintf(out, "3.%d: measured with %s\n", minor, dir)
	}
	return all, nil
}

// includeDirs lists the directories that have a Python.h: those given, those of the interpreters found, and
// those of development packages installed without their interpreter.
func includeDirs(ctx context.Context, given []string) []string {
	dirs := slices.Clone(given)
	for _, python := range discover.All(ctx) {
		dirs = append(dirs, python.Include())
	}
	for minor := firstMinor; minor <= lastMinor; minor++ {
		dirs = append(dirs, fmt.Sprintf("/usr/include/python3.%d", minor), fmt.Sprintf("/usr/local/include/python3.%d", minor))
	}
	var found []string
	for i, dir := range dirs {
		_, err := os.Stat(filepath.Join(dir, "Python.h"))
		// A directory that the user named stays in the list without a Python.h, too: the compiler complains of it.
		if (err == nil || i < len(given)) && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	return found
}

// measure compiles and runs the C program with the headers of one directory.
func measure(ctx context.Context, include string) (minor int, r row, err error) {
	tmp, err := os.MkdirTemp("", "pyconfig")
	if err != nil {
		return 0, row{}, err
	}
	defer os.RemoveAll(tmp)
	exe := filepath.Join(tmp, "measure")
	if err := compile(ctx, include, exe); err != nil {
		return 0, row{}, err
	}
	text, err := exec.CommandContext(ctx, exe).Output()
	if err != nil {
		return 0, row{}, fmt.Errorf("run the program compiled with %s: %w", include, err)
	}
	numbers, err := integers(strings.Fields(string(text)))
	if err != nil {
		return 0, row{}, err
	}
	if numbers[0] != 3 || numbers[2] != statusSize {
		return 0, row{}, fmt.Errorf("%s is python %d with a PyStatus of %d bytes; the table is for python 3 and %d bytes",
			include, numbers[0], numbers[2], statusSize)
	}
	return numbers[1], row(numbers[3:]), nil
}

func compile(ctx context.Context, include, exe string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	cmd := exec.CommandContext(ctx, cc, "-I", include, "-x", "c", "-o", exe, "-")
	cmd.Stdin = strings.NewReader(program)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile with the headers in %s: %w\n%s", include, err, said)
	}
	return nil
}
