package gil

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
)

// An asynchronous exception is raised between any two instructions, also between the one that takes a
// lock and the `try` that gives it back. Where that lock is Python's own, of imports, the whole process
// would wait for it for good. So who is about to take or to give back one is interrupted a little later.
const (
	holdBackFor   = 2 * time.Second      // a function that is named like those of locks and is none, or does not end
	lookAgainIn   = 2 * time.Millisecond // at calls that were held back
	importlibCode = "<frozen importlib."
	loggingCode   = "/logging/__init__.py"
)

// undisturbed has the code that was named to [HoldBack].
var undisturbed sync.Map // of code to struct{}

// HoldBack names Python functions, by the file that their code says it is of, that others depend on: an interruption
// that is due while one runs waits until it has ended, for two seconds at most.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func HoldBack(file string, functions ...string) {
	for _, f := range functions {
		undisturbed.Store(code{file, f}, struct{}{})
	}
}

// holdsBack says whether to wait with an interruption, which is due since the time given.
func (c code) holdsBack(due time.Duration) bool {
	if strings.HasPrefix(c.file, importlibCode) {
		return true
	}
	_, whole := undisturbed.Load(c)
	return (whole || c.handlesLock()) && due < holdBackFor
}

// handlesLock guesses by the names that locks and context managers have by Python's protocols.
func (c code) handlesLock() bool {
	switch c.function {
	case "acquire", "release", "__enter__", "__exit__":
		return true
	}
	return strings.HasSuffix(c.file, loggingCode) // its functions take and give back locks by others' hands
}

// code is what a thread executes.
type code struct{ file, function string }

// executes tells what the thread inside the target executes; the zero code where it cannot be told. It
// stays so until the GIL is given up.
func executes(target *cpython.Target) code {
	// To answer, CPython may make a frame object, and collect garbage for that, in Python code. The next
	// question is answered by the same object.
	c, err := target.Code()
	drop(c, err)
	c, err = target.Code()
	defer drop(c, err)
	if c == nil {
		return code{}
	}
	return code{attribute(c, "co_filename"), attribute(c, "co_name")}
}

// attribute is the text of one, empty when it has none.
func attribute(o cpython.Ref, name string) string {
	v, err := cpython.GetAttr(o, name)
	defer drop(v, err)
	if v == nil {
		return ""
	}
	text, err := cpython.AsString(v)
	drop(nil, err)
	return text
}

// drop releases a reference and the exception of an error, if there are any.
func drop(o cpython.Ref, err error) {
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		_ = cpython.DecRef(raised.Exception)
	}
	if o != nil {
		_ = cpython.DecRef(o)
	}
}
