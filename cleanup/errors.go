package cleanup

import (
	"errors"
	"fmt"
)

// Sentinels; compare with errors.Is.
var (
	// ErrRunning refuses a registration that comes while the run is in progress.
	ErrRunning = errors.New("cleanup: already running")
	// ErrDone refuses a registration that comes after the run.
	ErrDone = errors.New("cleanup: already done")
	// ErrReentrant refuses a Run called from inside one of the same registry's steps.
	ErrReentrant = errors.New("cleanup: Run called from inside a step")
	// ErrLate marks a step that was still running when its time was up.
	ErrLate = errors.New("still running past its deadline")
	// ErrExited marks a step that ended its goroutine (runtime.Goexit, testing's FailNow).
	ErrExited = errors.New("step ended its goroutine with runtime.Goexit")
	// ErrLeaked marks a run in which some step called [ReportLeak].
	ErrLeaked = errors.New("cleanup: leaked")
	// ErrSkipped is for a step to return (wrapped, with the reason) when it decided not to
	// do its work. It is shown in the report and is no error of the run: what made the
	// step skip is one already.
	ErrSkipped = errors.New("skipped")
)

// StepError is one step's failure, as found in the error of [Registry.Run].
type StepError struct {
	Phase Phase
	Name  string
	Err   error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("cleanup: %s: %s: %v", e.Phase, e.Name, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// PanicError is the failure of a step that panicked.
type PanicError struct {
	Value any    // what was panicked with
	Stack string // the panicking goroutine's stack
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value if that is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
