package cpython

/*
#include "bridge.h"
*/
import "C"

// Late is a function that can be made of Python which is read when it is first called.
type Late int

// Late functions, by their names in Python.
const (
	LateFork              Late = C.CPY_FORK
	LateForkpty           Late = C.CPY_FORKPTY
	LateFindSpec          Late = C.CPY_FIND_SPEC
	LateSetRecursionLimit Late = C.CPY_SETRECURSIONLIMIT
)

// NewLate makes the function of a tuple: eval, the arguments by which eval gives the function to call
// and, where only calls whose first argument is a certain one are for it, that argument. The others give
// None.
func NewLate(which Late, self Ref) (Ref, error) {
	return asRef(C.cpy_late(pyObject(self), C.int(which)))
}
