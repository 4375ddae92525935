// Command embedpy puts a CPython 3.14 with a shared libpython into a directory, so that gopyrpc can be
// tested against a version that the machine's packages do not have. The interpreter travels in a Go
// module (python-build-standalone, packed by go-embed-python), so the Go module proxy is all that embedpy needs.
//
//	go run . -o DIR
//
// Embedpy prints the path of the interpreter. A second run over the same directory repairs what is
// missing and leaves the rest alone.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kluctl/go-embed-python/python"
)

// library is the file that the extraction is for: an interpreter without a shared library is of no use to gopyrpc.
const library = "libpython3.14.so.1.0"

func main() {
	dir := flag.String("o", "", "directory to extract Python into (made if missing)")
	flag.Parse()
	exe, err := run(*dir, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "embedpy:", err)
		os.Exit(1)
	}
	fmt.Println(exe)
}

// run checks the arguments, extracts, and returns the absolute path of the interpreter.
func run(dir string, rest []string) (string, error) {
	if dir == "" || len(rest) > 0 {
		return "", fmt.Errorf("usage: embedpy -o DIR")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	return extract(abs)
}

// extract unpacks the embedded Python below dir and returns its interpreter.
func extract(dir string) (string, error) {
	if _, err := python.NewEmbeddedPythonWithTmpDir(dir, false); err != nil {
		return "", fmt.Errorf("extract python into %s: %w", dir, err)
	}
	lib := filepath.Join(dir, "lib", library)
	if _, err := os.Stat(lib); err != nil {
		return "", fmt.Errorf("the embedded python has no %s, so it cannot be loaded by gopyrpc: %w", library, err)
	}
	exe := filepath.Join(dir, "bin", "python3")
	if _, err := os.Stat(exe); err != nil {
		return "", fmt.Errorf("the embedded python has no interpreter: %w", err)
	}
	return exe, nil
}
