package pybridge

import (
	"errors"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// goErrors is the Go errors that live in Python as exceptions, by the number that the exception
// knows. An entry goes when Python drops the exception.
var goErrors errorTable

type errorTable struct {
	mu sync.Mutex
	// guarded by mu
	last int64
	byID map[int64]error
}

func (t *errorTable) add(err error) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[int64]error{}
	}
	t.last++
	t.byID[t.last] = err
	return t.last
}

func (t *errorTable) find(id int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

func (t *errorTable) drop(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, id)
}

// newGoError gives a new exception that stands for err: of the builtin class that err wraps, else a
// GoError or GoPanic. GIL held.
func newGoError(err error) cpython.Ref {
	id := goErrors.add(err)
	origin, cbErr := cpython.NewCallback("go_error", "The number of a Go error.",
		func(_, _ cpython.Ref) (cpython.Ref, cpython.Ref) {
			number, err := cpython.FromInt(id)
			return number, raisedBy(err)
		},
		func() { goErrors.drop(id) })
	if cbErr != nil {
		return raisedBy(cbErr)
	}
	defer func() { _ = cpython.DecRef(origin) }()
	var class Class
	var panicked *PanicError
	isPanic := errors.As(err, &panicked)
	if !isPanic {
		errors.As(err, &class)
	}
	message := strings.ToValidUTF8(err.Error(), "\uFFFD")
	make, getErr := bridge.Load().get("make_go_error")
	if getErr != nil {
		return raisedBy(getErr)
	}
	defer func() { _ = cpython.DecRef(make) }()
	exc, callErr := callRef(make, message, borrowed(origin), isPanic, string(class))
	if callErr != nil {
		return raisedBy(callErr)
	}
	return exc
}

// borrowed marks a reference that toRef is to pass on as it is.
type borrowed cpython.Ref

// callRef calls fn with converted arguments and gives a new reference. GIL held.
func callRef(fn cpython.Ref, args ...any) (cpython.Ref, error) {
	tuple, err := toRef(Tuple(args))
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(tuple) }()
	return cpython.Call(fn, tuple, nil)
}

// raisedBy gives the exception of an operation that failed, nil for none.
func raisedBy(err error) cpython.Ref {
	var raised *cpython.Raised
	if errors.As(err, &raised) {
		return raised.Exception
	}
	return nil
}
