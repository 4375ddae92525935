package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// named returns the executable to use and who named it. It is absolute, and its symlinks are left alone.
func named(opt Options) (exe, source string, err error) {
	if opt.Python != "" {
		exe, err = locate(opt.Python, SourceOption, opt)
		return exe, SourceOption, err
	}
	if name := opt.getenv("GOPYRPC_PYTHON"); name != "" {
		exe, err = locate(name, SourceEnv, opt)
		return exe, SourceEnv, err
	}
	if venv := opt.getenv("VIRTUAL_ENV"); venv != "" {
		exe, err = filepath.Abs(filepath.Join(venv, "bin", "python"))
		return exe, SourceVirtualEnv, err
	}
	if exe = lookPath("python3", opt); exe != "" {
		return exe, SourcePath, nil
	}
	return "", SourcePath, nothingFound(opt)
}

// locate makes a path absolute, or looks a command name up on PATH.
func locate(name, source string, opt Options) (string, error) {
	if strings.Contains(name, "/") {
		return filepath.Abs(name)
	}
	if exe := lookPath(name, opt); exe != "" {
		return exe, nil
	}
	return "", &Error{Kind: ErrNoPython, Source: source,
		Detail: fmt.Sprintf("there is no command %q on PATH", name),
		Looked: pathDirs(opt),
		Advice: "give the interpreter's full path"}
}

// lookPath returns the first executable of that name on PATH, or "".
func lookPath(name string, opt Options) string {
	for _, dir := range pathDirs(opt) {
		if exe := filepath.Join(dir, name); isExecutable(exe) {
			return exe
		}
	}
	return ""
}

// pathDirs returns PATH without repetitions and without empty and relative entries: what they mean depends on the current directory,
// and an interpreter planted there must not be run (os/exec refuses them as well).
func pathDirs(opt Options) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(opt.getenv("PATH")) {
		if dir = filepath.Clean(dir); filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// nothingFound lists every place that could have named an interpreter.
func nothingFound(opt Options) error {
	looked := []string{"--python (not given)", "GOPYRPC_PYTHON (not set)", "VIRTUAL_ENV (not set)"}
	if dirs := pathDirs(opt); len(dirs) > 0 {
		looked = append(looked, "python3 on PATH ("+strings.Join(dirs, ":")+")")
	} else {
		looked = append(looked, "PATH (not set)")
	}
	return &Error{Kind: ErrNoPython, Detail: "no python interpreter found", Looked: looked,
		Advice: "install one with " + here.install() + ", or name one with --python or GOPYRPC_PYTHON"}
}

// withAlternative adds to a refusal of the first python3 on PATH the name of a later one that would do.
// It is only named, never used: it has other packages installed than the one the user calls python3.
func withAlternative(err error, refused string, opt Options) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	for _, dir := range pathDirs(opt) {
		exe := filepath.Join(dir, "python3")
		if exe == refused || !isExecutable(exe) {
			continue
		}
		id, err := inspect(exe, opt.getenv)
		if err != nil {
			continue
		}
		if _, err := chooseLibrary(id); err == nil {
			e.Advice += fmt.Sprintf("; %s (python %s) could be used instead: --python %s", exe, id.version, exe)
			return e
		}
	}
	return e
}
