package pybridge

import (
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
)

// What functions of this package fail with, besides Python exceptions, which are [*Error].
var (
	ErrNotStarted     = gil.ErrNotStarted
	ErrClosed         = gil.ErrClosed
	ErrFailed         = gil.ErrFailed
	ErrNotHeld        = gil.ErrNotHeld
	ErrHeld           = gil.ErrHeld
	ErrNoPython       = errors.New("no python to start")
	ErrAlreadyStarted = errors.New("python was started already, with other options: a process has one interpreter")
	ErrNotFinalized   = errors.New("the interpreter was not finalised")
	ErrReleased       = errors.New("the python object was released")
	ErrNoObject       = errors.New("no python object: nil, as comes with an error")
	ErrInCallback     = errors.New("called by Python: closing would wait for the very call that this is part of; close when it has returned")
)

// Class names a Python exception class, for errors.Is: a builtin by its bare name, any other as
// module.qualname. It matches an [*Error] whose class is it or derives from it. A Go function that
// Python calls may return an error that wraps a builtin's Class, to raise it.
type Class string

// Error makes a Class usable as a target of errors.Is.
func (c Class) Error() string { return string(c) }

// The builtin exception classes that programs tell apart most.
const (
	BaseException       Class = "BaseException"
	Exception           Class = "Exception"
	ArithmeticError     Class = "ArithmeticError"
	AssertionError      Class = "AssertionError"
	AttributeError      Class = "AttributeError"
	BufferError         Class = "BufferError"
	EOFError            Class = "EOFError"
	ExceptionGroup      Class = "ExceptionGroup"
	FileNotFoundError   Class = "FileNotFoundError"
	GeneratorExit       Class = "GeneratorExit"
	ImportError         Class = "ImportError"
	IndexError          Class = "IndexError"
	KeyError            Class = "KeyError"
	KeyboardInterrupt   Class = "KeyboardInterrupt"
	LookupError         Class = "LookupError"
	MemoryError         Class = "MemoryError"
	ModuleNotFoundError Class = "ModuleNotFoundError"
	NameError           Class = "NameError"
	NotImplementedError Class = "NotImplementedError"
	OSError             Class = "OSError"
	OverflowError       Class = "OverflowError"
	PermissionError     Class = "PermissionError"
	RecursionError      Class = "RecursionError"
	RuntimeError        Class = "RuntimeError"
	StopIteration       Class = "StopIteration"
	SyntaxError         Class = "SyntaxError"
	SystemError         Class = "SystemError"
	SystemExit          Class = "SystemExit"
	TimeoutError        Class = "TimeoutError"
	TypeError           Class = "TypeError"
	UnicodeDecodeError  Class = "UnicodeDecodeError"
	UnicodeEncodeError  Class = "UnicodeEncodeError"
	UnicodeError        Class = "UnicodeError"
	ValueError          Class = "ValueError"
	ZeroDivisionError   Class = "ZeroDivisionError"
)

// Frame is one line of a traceback.
type Frame struct {
	File     string
	Line     int
	Function string
	Text     string // the source line, stripped; empty when it is not to be had
	Repeated int    // further calls in a row of the same line, which have no frames here
	Omitted  int    // calls left out after those, of a traceback too long to keep
}

// Error is a Python exception as plain values: it holds no Python object and outlives the
// interpreter. A lone surrogate in its texts stands as three bytes. Of a chain longer than 64, and of
// 1000 exceptions in all, the farthest are left out.
type Error struct {
	Module    string   // of the class; "builtins" for builtins
	Type      string   // the class's qualified name
	MRO       []string // the class and its bases, named as [Class] does
	Message   string   // str() of the exception
	Notes     []string // added with add_note
	Traceback []Frame  // outermost call first, as Python prints it
	Cause     *Error   // raise … from Cause
	Context   *Error   // what was being handled when this was raised
	Members   []*Error // of an ExceptionGroup; nil for any other

	// SuppressContext is set by raise … from …: Python then does not print Context.
	SuppressContext bool

	headline string // what Python prints last, where it is not "class: message"
	goError  error  // what a Go function returned, when this is that error come back
}

// Error is the last line of the traceback that Python would print.
func (e *Error) Error() string {
	if e.headline != "" {
		return e.headline
	}
	name := className(e.Module, e.Type)
	if e.Message == "" {
		return name
	}
	return name + ": " + e.Message
}

// Is follows the class hierarchy for a [Class].
func (e *Error) Is(target error) bool {
	class, ok := target.(Class)
	if !ok {
		return false
	}
	for _, name := range e.MRO {
		if name == string(class) {
			return true
		}
	}
	return false
}

// Unwrap gives the explicit cause, the members of a group, and the Go error that this came from.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.goError != nil {
		errs = append(errs, e.goError)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	for _, m := range e.Members {
		errs = append(errs, m)
	}
	return errs
}

// Format prints the message, or for %+v the whole traceback as Python would (without the column
// markers of newer versions).
func (e *Error) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && s.Flag('+'):
		fmt.Fprint(s, e.traceback())
	case verb == 'q':
		fmt.Fprintf(s, "%q", e.Error())
	default:
		fmt.Fprint(s, e.Error())
	}
}

// className is how Python prints a class in front of a message.
func className(module, name string) string {
	if module == "" || module == "builtins" || module == "__main__" {
		return name
	}
	return module + "." + name
}
