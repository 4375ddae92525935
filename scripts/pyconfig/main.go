// Command pyconfig keeps internal/cpython/pyconfig_table.h: the layout of PyConfig in each minor version of
// Python, which gopyrpc must know because it is built without Python's headers. The layout is frozen within a
// minor version, so one installed patch release of each is enough to measure it.
//
//	go run ./scripts/pyconfig            measure the headers found, update their rows, keep the others
//	go run ./scripts/pyconfig -check     compare only; exit 1 on a difference
//	go run ./scripts/pyconfig -I DIR …   also measure DIR/Python.h
//
// Pyconfig needs a C compiler ($CC, or gcc). Versions from 3.14 on need no row: PyInitConfig replaces PyConfig.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// tablePath is where the table lies in the repository.
const tablePath = "internal/cpython/pyconfig_table.h"

func main() {
	var opt options
	flag.BoolVar(&opt.check, "check", false, "compare the table with the headers found and change nothing")
	flag.StringVar(&opt.table, "o", "", "the table (default: "+tablePath+" of the repository around the current directory)")
	flag.Func("I", "also measure `DIR`/Python.h (may be repeated)", func(dir string) error {
		opt.include = append(opt.include, dir)
		return nil
	})
	flag.Parse()
	if err := run(context.Background(), opt, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pyconfig:", err)
		os.Exit(1)
	}
}

type options struct {
	check   bool
	table   string
	include []string
}

// run measures and then either compares or writes, reporting to out.
func run(ctx context.Context, opt options, out io.Writer) error {
	path, err := opt.tableFile()
	if err != nil {
		return err
	}
	old, err := readTable(path)
	if err != nil {
		return err
	}
	measured, err := measureAll(ctx, opt.include, out)
	if err != nil {
		return err
	}
	for minor := firstMinor; minor <= lastMinor; minor++ {
		if _, ok := measured[minor]; !ok {
			fmt.Fprintf(out, "3.%d: no Python.h found, its row is not checked (`apt install libpython3.%d-dev`, or -I DIR)\n", minor, minor)
		}
	}
	if opt.check {
		return compare(path, old, measured, out)
	}
	return os.WriteFile(path, []byte(format(merge(old, measured))), 0o644)
}

// compare fails if a measured row is missing from the table or differs.
func compare(path string, table, measured rows, out io.Writer) error {
	var errs []error
	for _, minor := range measured.minors() {
		got, ok := table[minor]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s has no row for python 3.%d", path, minor))
		case got != measured[minor]:
			errs = append(errs, fmt.Errorf("%s is wrong for python 3.%d: it has %v, the headers say %v", path, minor, got, measured[minor]))
		default:
			fmt.Fprintf(out, "3.%d: the row is right\n", minor)
		}
	}
	if errs != nil {
		errs = append(errs, errors.New("run `go run ./scripts/pyconfig`"))
	}
	return errors.Join(errs...)
}

// tableFile finds the table from anywhere in the repository.
func (o options) tableFile() (string, error) {
	if o.table != "" {
		return o.table, nil
	}
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, filepath.Dir(tablePath))); err == nil {
			return filepath.Join(dir, tablePath), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s in or above %s: run it inside the repository, or give -o", filepath.Dir(tablePath), start)
		}
	}
}
