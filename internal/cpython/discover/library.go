package discover

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// CheckLibrary verifies that path is a libpython which this process can load and start: a shared library (ELF; Mach-O on
// macOS) for this machine, of Python 3.minor (any supported one if minor is 0), exporting the function that
// initialises that version. It reads the file and loads nothing, so the patch level stays unknown.
//
// The error is an *Error of kind ErrNoLibrary, ErrNotPython, ErrArchitecture, ErrTooOld, ErrUnsupported,
// ErrFreeThreaded or ErrVersionMismatch. Blocks for file reads only.
func CheckLibrary(path string, minor int) error { return here.checkLibrary(path, minor) }

// library is what a shared library says of itself.
type library struct {
	path    string
	name    string // by which it wants to be found; may be empty
	exports []string
}

func (p platform) checkLibrary(path string, minor int) error {
	read := readELF
	if p.goos == "darwin" {
		read = readMachO
	}
	lib, err := read(path, p)
	if err != nil {
		return err
	}
	if err := lib.checkName(minor); err != nil {
		return err
	}
	return lib.checkExports(minor, p)
}

func readELF(path string, p platform) (library, error) {
	f, err := elf.Open(path)
	if err != nil {
		return library{}, p.unreadableLibrary(path, "an ELF", err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		return library{}, p.notALibrary(path, fmt.Sprintf("%s is an ELF file but not a shared library", path), nil)
	}
	if err := checkArchitecture(f, path); err != nil {
		return library{}, err
	}
	lib := library{path: path}
	if names, err := f.DynString(elf.DT_SONAME); err == nil && len(names) > 0 {
		lib.name = names[0]
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return library{}, p.notALibrary(path, fmt.Sprintf("the symbols of %s cannot be read", path), err)
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF {
			lib.exports = append(lib.exports, s.Name)
		}
	}
	return lib, nil
}

// checkName compares the version that the linker wrote into the library with the one asked for, because a
// library under another version's name runs for a while before it corrupts memory. Some builds have none;
// Py_GetVersion will tell.
func (l library) checkName(minor int) error {
	v, ok := versionOfLibrary(l.name)
	if !ok {
		return nil
	}
	if err := checkSupported(v, l.path); err != nil {
		return err
	}
	if minor != 0 && v.minor != minor {
		return &Error{
			Kind:   ErrVersionMismatch,
			Path:   l.path,
			Detail: fmt.Sprintf("%s is python %s's library, but python 3.%d was asked for", l.path, v, minor),
			Advice: fmt.Sprintf("give the library of python 3.%d, or the interpreter of python %s", minor, v),
		}
	}
	return nil
}

// checkExports looks for the function that starts the interpreter: since 3.14 there is a stable one, before
// that one over a structure.
func (l library) checkExports(minor int, p platform) error {
	var wanted []string
	switch {
	case minor == 0:
		wanted = []string{"Py_InitializeFromInitConfig", "Py_InitializeFromConfig"}
	case minor >= 14:
		wanted = []string{"Py_InitializeFromInitConfig"}
	default:
		wanted = []string{"Py_InitializeFromConfig"}
	}
	for _, name := range l.exports {
		if slices.Contains(wanted, name) {
			return nil
		}
	}
	detail := fmt.Sprintf("%s does not export %s", l.path, wanted[0])
	if filepath.Base(l.path) == "libpython3.so" {
		detail += " because it is the stable-ABI stub, not the interpreter"
	}
	return p.notALibrary(l.path, detail, nil)
}

// unreadableLibrary tells a missing file from one of another format.
func (p platform) unreadableLibrary(path, format string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Kind: ErrNoLibrary, Path: path, Err: err,
			Detail: "there is no python library at " + path, Advice: "name a " + p.exampleLibrary() + " that exists"}
	}
	return p.notALibrary(path, path+" is not "+format+" shared library", err)
}

func (p platform) notALibrary(path, detail string, err error) error {
	advice := "name a " + p.exampleLibrary()
	if p.goos == "linux" {
		advice += " (Debian's package is libpython3.N)"
	}
	return &Error{Kind: ErrNotPython, Path: path, Detail: detail, Err: err, Advice: advice}
}
