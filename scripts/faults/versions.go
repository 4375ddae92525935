package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// another is an interpreter of another version than python's that gopyrpc supports. The fault is skipped where
// the machine has no such interpreter.
func (p *probe) another(python discover.Interpreter, fits func(discover.Interpreter) bool) discover.Interpreter {
	for _, other := range discover.All(background) {
		if other.Minor != python.Minor && fits(other) {
			return other
		}
	}
	p.skip("no second Python here whose library would do")
	return discover.Interpreter{}
}

func otherMinor(p *probe) {
	python := p.find()
	other := p.another(python, func(discover.Interpreter) bool { return true })
	p.notFound(fmt.Sprintf("python 3.%d was asked for", python.Minor),
		pybridge.WithPython(python.Executable), pybridge.WithLibrary(other.Library))
}

// lyingLibrary has the name of the version asked for in the file too, as a careless packager might.
func lyingLibrary(p *probe) {
	python := p.find()
	name := soname(python.Minor)
	other := p.another(python, func(o discover.Interpreter) bool {
		if python.Minor >= 14 && o.Minor < 14 {
			return false // lacks the function that starts python's version, which is noticed first
		}
		text, err := os.ReadFile(o.Library)
		return err == nil && len(soname(o.Minor)) == len(name) && bytes.Contains(text, []byte(soname(o.Minor)+"\x00"))
	})
	text, err := os.ReadFile(other.Library)
	p.must(err)
	file := filepath.Join(p.folder(), name)
	p.must(os.WriteFile(file, bytes.ReplaceAll(text, []byte(soname(other.Minor)+"\x00"), []byte(name+"\x00")), 0o700))
	p.failedStart(fmt.Sprintf("says that it is CPython 3.%d.", other.Minor),
		pybridge.WithPython(python.Executable), pybridge.WithLibrary(file))
}

func soname(minor int) string { return fmt.Sprintf("libpython3.%d.so.1.0", minor) }
