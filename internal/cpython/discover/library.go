package discover

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// CheckLibrary verifies that path is a libpython which this process can load and start: an ELF shared object
// for this machine, of Python 3.minor (any supported one if minor is 0), exporting the function that
// initialises that version. It reads the file and loads nothing, so the patch level stays unknown.
//
// The error is an *Error of kind ErrNoLibrary, ErrNotPython, ErrArchitecture, ErrTooOld, ErrUnsupported,
// ErrFreeThreaded or ErrVersionMismatch. Blocks for file reads only.
func CheckLibrary(path string, minor int) error {
	f, err := elf.Open(path)
	if err != nil {
		return unreadableLibrary(path, err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		return notALibrary(path, fmt.Sprintf("%s is an ELF file but not a shared library", path), nil)
	}
	if err := checkArchitecture(f, path); err != nil {
		return err
	}
	if err := checkSoname(f, path, minor); err != nil {
		return err
	}
	return checkExports(f, path, minor)
}

// checkSoname compares the version that the linker wrote into the library with the one asked for, because a
// library under another version's name runs for a while before it corrupts memory.
func checkSoname(f *elf.File, path string, minor int) error {
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil || len(names) == 0 {
		return nil // some builds have none; Py_GetVersion will tell
	}
	v, ok := parseName(libraryName, names[0])
	if !ok {
		return nil
	}
	if err := checkSupported(v, path); err != nil {
		return err
	}
	if minor != 0 && v.minor != minor {
		return &Error{
			Kind:   ErrVersionMismatch,
			Path:   path,
			Detail: fmt.Sprintf("%s is python %s's library, but python 3.%d was asked for", path, v, minor),
			Advice: fmt.Sprintf("give the library of python 3.%d, or the interpreter of python %s", minor, v),
		}
	}
	return nil
}

// checkExports looks for the function that starts the interpreter: since 3.14 there is a stable one, before
// that one over a structure.
func checkExports(f *elf.File, path string, minor int) error {
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return notALibrary(path, fmt.Sprintf("the symbols of %s cannot be read", path), err)
	}
	var wanted []string
	switch {
	case minor == 0:
		wanted = []string{"Py_InitializeFromInitConfig", "Py_InitializeFromConfig"}
	case minor >= 14:
		wanted = []string{"Py_InitializeFromInitConfig"}
	default:
		wanted = []string{"Py_InitializeFromConfig"}
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && slices.Contains(wanted, s.Name) {
			return nil
		}
	}
	detail := fmt.Sprintf("%s does not export %s", path, wanted[0])
	if filepath.Base(path) == "libpython3.so" {
		detail += " because it is the stable-ABI stub, not the interpreter"
	}
	return notALibrary(path, detail, nil)
}

// unreadableLibrary tells a missing file from one that is no ELF file.
func unreadableLibrary(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Kind: ErrNoLibrary, Path: path, Err: err,
			Detail: "there is no python library at " + path, Advice: "name a libpython3.N.so.1.0 that exists"}
	}
	return notALibrary(path, path+" is not an ELF shared library", err)
}

func notALibrary(path, detail string, err error) error {
	return &Error{Kind: ErrNotPython, Path: path, Detail: detail, Err: err,
		Advice: "name a libpython3.N.so.1.0 (Debian's package is libpython3.N)"}
}
