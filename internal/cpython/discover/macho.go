package discover

import (
	"bytes"
	"debug/macho"
	"errors"
	"fmt"
	"io"
	"strings"
)

// processors are Go's architectures by their names in Mach-O files.
var processors = map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}

// readMachO reads a library of macOS. A file may hold several, for a processor each.
func readMachO(path string, p platform) (library, error) {
	files, closer, err := openMachO(path)
	if err != nil {
		return library{}, p.unreadableLibrary(path, "a Mach-O", err)
	}
	defer closer.Close()
	var others []string
	for _, f := range files {
		if f.Cpu != processors[p.goarch] {
			others = append(others, machoName(f.Cpu))
			continue
		}
		if f.Type != macho.TypeDylib {
			return library{}, p.notALibrary(path, fmt.Sprintf("%s is a Mach-O file but not a shared library", path), nil)
		}
		return library{path: path, name: installName(f), exports: definedSymbols(f)}, nil
	}
	return library{}, &Error{
		Kind:   ErrArchitecture,
		Path:   path,
		Detail: fmt.Sprintf("%s is built for %s, this program for %s", path, strings.Join(others, " and "), p.goarch),
		Advice: "use a python of this program's architecture, or a gopyrpc built for that one",
	}
}

func openMachO(path string) ([]*macho.File, io.Closer, error) {
	fat, err := macho.OpenFat(path)
	if errors.Is(err, macho.ErrNotFat) {
		f, err := macho.Open(path)
		if err != nil {
			return nil, nil, err
		}
		return []*macho.File{f}, f, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var files []*macho.File
	for _, a := range fat.Arches {
		files = append(files, a.File)
	}
	return files, fat, nil
}

func machoName(cpu macho.Cpu) string {
	for arch, c := range processors {
		if c == cpu {
			return arch
		}
	}
	return cpu.String()
}

// installName is the path by which programs that are linked with the library look for it (LC_ID_DYLIB); "" where there is none.
func installName(f *macho.File) string {
	const idDylib, nameAt = 0xd, 8 // the command; where it says at which offset the name begins
	for _, load := range f.Loads {
		raw := load.Raw()
		if len(raw) < nameAt+4 || f.ByteOrder.Uint32(raw) != idDylib {
			continue
		}
		if offset := int(f.ByteOrder.Uint32(raw[nameAt:])); offset < len(raw) {
			name, _, _ := bytes.Cut(raw[offset:], []byte{0})
			return string(name)
		}
	}
	return ""
}

// definedSymbols are the names that the library exports, as C has them.
func definedSymbols(f *macho.File) []string {
	const external, kind = 0x01, 0x0e // of nlist's n_type; kind 0 is an import
	if f.Symtab == nil {
		return nil
	}
	var names []string
	for _, s := range f.Symtab.Syms {
		if s.Type&external != 0 && s.Type&kind != 0 {
			names = append(names, strings.TrimPrefix(s.Name, "_"))
		}
	}
	return names
}
