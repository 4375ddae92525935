package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// remoteTraceback is the class of the exception that brings the traceback of where a function ran.
const remoteTraceback pybridge.Class = pyname.Internal + ".RemoteTraceback"

// raisedError says that a function raised: with the traceback of its own code, or with all there is.
type raisedError struct {
	what    string // the call
	err     *pybridge.Error
	verbose bool
}

// raisedBy makes a [raisedError] of an exception, and leaves other errors as they are.
func (c *common) raisedBy(err error) error {
	var e *pybridge.Error
	if !errors.As(err, &e) {
		return err
	}
	return &raisedError{c.what, e, c.verbose}
}

func (e *raisedError) Error() string {
	if trace := traceback(e.err, e.verbose); trace != "" {
		return fmt.Sprintf("%s raised\n%s", e.what, trace)
	}
	return fmt.Sprintf("%s raised %s", e.what, e.err)
}

func (e *raisedError) Unwrap() error { return e.err }

// traceback is what Python would print: without frames of the package unless all is wanted, and empty if there are no
// others.
func traceback(e *pybridge.Error, all bool) string {
	if all {
		return fmt.Sprintf("%+v", e)
	}
	trace := ownFrames(tracebackOf(e))
	if !strings.Contains(trace, frameMark) {
		return ""
	}
	if last := e.Error(); !strings.Contains(trace, last) {
		trace += "\n" + last
	}
	return trace
}

// tracebackOf is that of where the function ran, and without one that of here.
func tracebackOf(e *pybridge.Error) string {
	for at := e; at != nil; at = at.Cause {
		if at.Is(remoteTraceback) {
			return strings.TrimSpace(at.Message)
		}
	}
	return fmt.Sprintf("%+v", e)
}

// Lines of tracebacks.
const (
	frameMark   = `  File "`
	ownMark     = frameMark + pyname.Frames // a frame of the package that the command brings
	headerLine  = "Traceback (most recent call last):"
	sourceStart = "    "
)

// ownFrames leaves out of a traceback what is about the package and not about the function: its frames, and the lines
// that say where and what, as the traceback's last line does.
func ownFrames(traceback string) string {
	var out []string
	lines := strings.Split(traceback, "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case i == 0 && strings.HasPrefix(line, "On ") && strings.HasSuffix(line, ":"):
			i++ // the exception's repr
		case strings.HasPrefix(strings.TrimLeft(line, " |"), strings.TrimLeft(ownMark, " ")):
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], sourceStart) {
				i++
			}
		default:
			out = append(out, line)
		}
	}
	return strings.Join(withoutEmpty(out), "\n")
}

// withoutEmpty leaves out headers that no frame follows any more.
func withoutEmpty(lines []string) []string {
	var out []string
	for i, line := range lines {
		if line == headerLine && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1], frameMark)) {
			continue
		}
		out = append(out, line)
	}
	return out
}

// stackOf is Python's stack when a call was interrupted, without frames of the package unless all is wanted; empty if
// there are no others.
func stackOf(err error, all bool) string {
	var interrupted *gil.InterruptedError
	if !errors.As(err, &interrupted) {
		return ""
	}
	stack := strings.TrimRight(interrupted.Stack, "\n")
	if all {
		return stack
	}
	if stack = ownFrames(stack); !strings.Contains(stack, frameMark) {
		return ""
	}
	return stack
}
