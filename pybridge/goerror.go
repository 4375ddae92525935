package pybridge

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/pyrpc/pyrpc/internal/cpython"
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

// makeGoError is the bridge module's make_go_error, set once while starting.
var makeGoError atomic.Pointer[entry]

// newGoError gives a new GoError or GoPanic that stands for err. GIL held.
func newGoError(err error) cpython.Ref {
	id := goErrors.add(err)
	origin, cbErr := cpython.NewCallback("go_error", "The number of a Go error.",
		func(_, _ cpython.Ref) (cpython.Ref, cpython.Ref) {
			number, err := cpython.FromInt(id)
			return number, raisedBy(err)
		},
		func() { goErrors.drop(id) })
	if cbErr != nil {
		goErrors.drop(id)
		return raisedBy(cbErr)
	}
	defer func() { _ = cpython.DecRef(origin) }()
	var panicked *PanicError
	exc, callErr := callRef(makeGoError.Load().ref, err.Error(), borrowed(origin), errors.As(err, &panicked))
	if callErr != nil {
		return raisedBy(callErr)
	}
	return exc
}

// newBuiltin gives a new instance of a builtin exception class, nil when there is no such class.
func newBuiltin(class Class, message string) cpython.Ref {
	builtins, err := cpython.Import("builtins")
	if err != nil {
		return raisedBy(err)
	}
	defer func() { _ = cpython.DecRef(builtins) }()
	cls, err := cpython.GetAttr(builtins, string(class))
	if err != nil {
		dropRaised(err)
		return nil
	}
	defer func() { _ = cpython.DecRef(cls) }()
	exc, err := callRef(cls, message)
	if err != nil {
		dropRaised(err)
		return nil
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
