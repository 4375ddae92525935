package discover

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Options say which interpreter is wanted. The zero value means: whatever the environment names.
type Options struct {
	// Python is the interpreter asked for: a path, or a command name to be looked up on PATH.
	Python string
	// Library is the libpython to load, for installations that keep it in an unusual place. It must be
	// of the interpreter's version.
	Library string
	// Getenv reads the environment, PATH included; nil means os.Getenv.
	Getenv func(string) string
}

func (o Options) getenv(name string) string {
	if o.Getenv == nil {
		return os.Getenv(name)
	}
	return o.Getenv(name)
}

// Find returns the interpreter to use: the one named by opt.Python, else by GOPYRPC_PYTHON, else the active
// virtual environment's, else python3 on PATH. The first of these that is set decides; if that interpreter
// cannot be used, Find fails rather than run another one than was meant.
//
// The error is an *Error of one of this package's kinds. Find reads a few files; only an interpreter that
// it cannot understand so is run, once, which blocks for at most ten seconds or until ctx ends.
func Find(ctx context.Context, opt Options) (Interpreter, error) {
	exe, source, err := named(opt)
	if err != nil {
		return Interpreter{}, err
	}
	found, err := resolve(ctx, exe, opt)
	if err != nil {
		err = withSource(err, source)
		if source == SourcePath {
			err = withAlternative(err, exe, opt)
		}
		return Interpreter{}, err
	}
	found.Source = source
	return found, nil
}

// resolve finds out what exe is and which library belongs to it.
func resolve(ctx context.Context, exe string, opt Options) (Interpreter, error) {
	if err := checkExecutable(exe); err != nil {
		return Interpreter{}, err
	}
	id, err := inspect(exe, opt.getenv)
	if err == nil {
		found, err := complete(id, opt)
		if err == nil || decided(err) {
			return found, err
		}
	} else if decided(err) {
		return Interpreter{}, err
	}
	if id, err = ask(ctx, exe); err != nil {
		return Interpreter{}, err
	}
	return complete(id, opt)
}

// complete adds the library to what is known of an interpreter.
func complete(id identity, opt Options) (Interpreter, error) {
	lib, err := opt.Library, error(nil)
	if lib != "" {
		lib, err = explicitLibrary(lib, id.version.minor)
	} else {
		lib, err = chooseLibrary(id)
	}
	if err != nil {
		return Interpreter{}, err
	}
	return Interpreter{
		Executable: id.executable,
		Library:    lib,
		Major:      id.version.major,
		Minor:      id.version.minor,
		Prefix:     id.prefix,
	}, nil
}

// checkExecutable catches the plain mistakes, so that they are told as such.
func checkExecutable(exe string) error {
	info, err := os.Stat(exe)
	switch {
	case err != nil && venvHome(exe) != "":
		return &Error{Kind: ErrNoPython, Path: exe, Err: err,
			Detail: fmt.Sprintf("the virtual environment of %s was made from the python in %s, which is gone", exe, venvHome(exe)),
			Advice: "make the virtual environment again"}
	case errors.Is(err, os.ErrNotExist):
		return &Error{Kind: ErrNoPython, Path: exe, Err: err,
			Detail: "there is no python interpreter at " + exe, Advice: "name one that exists"}
	case err != nil:
		return &Error{Kind: ErrNoPython, Path: exe, Err: err,
			Detail: "cannot look at " + exe, Advice: "name an interpreter that this user may run"}
	case info.IsDir():
		return &Error{Kind: ErrNotPython, Path: exe,
			Detail: exe + " is a directory", Advice: "name the interpreter in it, such as bin/python3"}
	case info.Mode()&0o111 == 0:
		return &Error{Kind: ErrNotPython, Path: exe,
			Detail: exe + " is not executable", Advice: "name a python interpreter, or make it executable with chmod +x"}
	}
	return nil
}
