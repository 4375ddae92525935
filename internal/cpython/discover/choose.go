package discover

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// chooseLibrary takes the first candidate that is a usable libpython. Where candidates exist but none is
// usable, the reason of the first one is the error; where none exists, the error lists them all.
func chooseLibrary(id identity) (string, error) {
	var refusal error
	for _, path := range id.candidates {
		if !isFile(path) {
			continue
		}
		err := CheckLibrary(path, id.version.minor)
		if err == nil {
			return path, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	if refusal != nil {
		return "", refusal
	}
	return "", &Error{
		Kind:   ErrNoLibrary,
		Path:   id.executable,
		Detail: fmt.Sprintf("python %s at %s has no shared library to load", id.version, id.executable),
		Looked: id.candidates,
		Advice: libraryAdvice(id),
	}
}

// libraryAdvice names the remedy that fits the kind of installation.
func libraryAdvice(id identity) string {
	switch {
	case id.prefix == "/usr":
		return fmt.Sprintf("install it with `apt install libpython%s`", id.version)
	case strings.Contains(id.prefix, "pyenv"):
		return fmt.Sprintf("build it again with `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force %s`", id.version)
	case here.goos == "darwin":
		return "build python again with --enable-shared, or install another: " + here.install()
	default:
		return fmt.Sprintf("build python again with --enable-shared, or use the distribution's: `apt install python%[1]s libpython%[1]s`", id.version)
	}
}

// decided reports whether asking the interpreter itself could not change a refusal.
func decided(err error) bool {
	return !errors.Is(err, errUnsure) && !errors.Is(err, ErrNoLibrary)
}

// explicitLibrary checks a library that the user named.
func explicitLibrary(path string, minor int) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return abs, CheckLibrary(abs, minor)
}
