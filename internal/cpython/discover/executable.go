package discover

import (
	"debug/elf"
	"io"
	"os"
	"strings"
)

// image is what the dynamic section of an executable says about the libraries it loads.
type image struct {
	libpython string   // the libpython it needs; empty for a statically linked interpreter
	rpath     []string // searched before LD_LIBRARY_PATH, and only if there is no runpath
	runpath   []string // searched after it
}

// readImage reads the ELF headers of an executable. It fails with errUnsure where the file is no ELF
// file (a script, say), and with ErrArchitecture where it is one for another machine.
func readImage(path string) (image, error) {
	file, err := os.Open(path)
	if err != nil {
		return image{}, errUnsure
	}
	defer file.Close()
	f, err := elf.NewFile(file)
	if err != nil {
		return image{}, errUnsure
	}
	if err := checkArchitecture(f, path); err != nil {
		return image{}, err
	}
	return image{
		libpython: neededPython(f),
		rpath:     searchPath(f, elf.DT_RPATH),
		runpath:   searchPath(f, elf.DT_RUNPATH),
	}, nil
}

// neededPython returns the DT_NEEDED entry that names a versioned libpython, or "".
func neededPython(f *elf.File) string {
	needed, err := f.ImportedLibraries()
	if err != nil {
		return "" // a static executable has no dynamic section
	}
	for _, lib := range needed {
		if _, ok := versionOfLibrary(lib); ok {
			return lib
		}
	}
	return ""
}

func searchPath(f *elf.File, tag elf.DynTag) []string {
	values, err := f.DynString(tag)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, v := range values {
		dirs = append(dirs, strings.Split(v, ":")...)
	}
	return dirs
}

// isScript reports whether a file starts with "#!".
func isScript(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var start [2]byte
	_, err = io.ReadFull(file, start[:])
	return err == nil && string(start[:]) == "#!"
}
