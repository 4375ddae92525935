package discover

import (
	"errors"
	"fmt"
	"strings"
)

// The reasons for which an interpreter or a library is refused; test for them with errors.Is.
// The error that carries one is always an *Error, for errors.As.
var (
	// ErrNoPython: no interpreter where one was named, or none found at all.
	ErrNoPython = errors.New("no python interpreter")
	// ErrNoLibrary: the interpreter has no shared libpython that could be loaded.
	ErrNoLibrary = errors.New("no shared python library")
	// ErrTooOld: older than 3.9.
	ErrTooOld = errors.New("python is too old")
	// ErrUnsupported: newer than 3.15.
	ErrUnsupported = errors.New("python is not supported")
	// ErrArchitecture: built for another kind of processor than this program.
	ErrArchitecture = errors.New("wrong architecture")
	// ErrNotPython: the file is not a Python interpreter, or not a libpython.
	ErrNotPython = errors.New("not python")
	// ErrNotCPython: a Python that is not CPython, such as PyPy.
	ErrNotCPython = errors.New("not cpython")
	// ErrFreeThreaded: a build without the GIL, whose C structures differ.
	ErrFreeThreaded = errors.New("free-threaded python")
	// ErrVersionMismatch: the library belongs to another version than the interpreter.
	ErrVersionMismatch = errors.New("library and interpreter differ in version")
)

// Error says what was wrong with which file, where it was looked for, and what to do about it.
type Error struct {
	Kind   error    // one of the Err… values of this package
	Path   string   // the executable or library concerned; empty when nothing was found
	Source string   // where the interpreter was named, a Source constant; empty for a library
	Detail string   // what is wrong, one clause that names the file
	Looked []string // the places looked at, in order
	Advice string   // what to do, one clause
	Err    error    // what lies beneath, such as an *fs.PathError; may be nil
}

// Error puts the clauses into one line.
func (e *Error) Error() string {
	clauses := []string{e.Detail + e.named()}
	if e.Err != nil {
		clauses[0] += ": " + e.Err.Error()
	}
	if len(e.Looked) > 0 {
		clauses = append(clauses, "looked at "+strings.Join(e.Looked, ", "))
	}
	if e.Advice != "" {
		clauses = append(clauses, e.Advice)
	}
	return strings.Join(clauses, "; ")
}

// Unwrap lets errors.Is find both the kind and what lies beneath.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// named tells whose wish the interpreter was, where that is not plain from the message.
func (e *Error) named() string {
	switch e.Source {
	case "", SourceSurvey:
		return ""
	case SourceOption:
		return " (named by --python)"
	case SourcePath:
		return " (python3 on PATH)"
	default:
		return fmt.Sprintf(" (named by %s)", e.Source)
	}
}

// withSource records where the interpreter of a refusal was named.
func withSource(err error, source string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	e.Source = source
	if source == SourceVirtualEnv {
		e.Advice += ", or leave the virtual environment (unset VIRTUAL_ENV)"
	}
	return err
}
