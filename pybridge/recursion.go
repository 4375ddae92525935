package pybridge

import (
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// stackOfLevel is more than one level of recursion takes of the C stack at most: that is sorted() with a
// key that sorts, in 3.13. Most take a third of it; a call of a Python function by a Python function
// nothing, from 3.11 on.
const stackOfLevel = 6144

// lowestLimit is how many levels the functions that the bridge calls can count on.
const lowestLimit = 200

// usualLimit is Python's own at its start.
const usualLimit = 1000

// stackOfCLevels is what CPython 3.12 and 3.13 count on for recursion in C: they are made for stacks of 8 MiB.
const stackOfCLevels = 7 << 20

// guardRecursion keeps user code from raising the limit of recursion over what threads have the stack for,
// which would end the process. In an interpreter that its host started, the limit is the host's.
func (i *interpreter) guardRecursion(t gil.Token) error {
	if i.attached {
		return nil
	}
	if err := i.boundRecursion(i.highestLimit()); err != nil {
		return fmt.Errorf("the limit of recursion: %w", captured(t, err))
	}
	return nil
}

// highestLimit is the highest recursion limit that every thread has the stack for; 0 for any. CPython
// 3.14 looks how much stack there is. 3.12 and 3.13 count calls in C apart, but up to a number that is
// too many for some.
func (i *interpreter) highestLimit() int {
	if i.version.Minor >= 14 {
		return 0
	}
	return levels()
}

// levels is how deep the recursion may go on any thread.
func levels() int {
	first, others := cpython.Stacks()
	return min(first, others) / stackOfLevel
}

// checkStack refuses to start Python on stacks that it would overrun.
func (i *interpreter) checkStack() error {
	if i.attached || levels() >= lowestLimit {
		return nil
	}
	first, others := cpython.Stacks()
	return fmt.Errorf("the process's first thread has %d KiB of stack and others %d KiB, and Python needs %d KiB: "+
		"start the program with a higher limit of stack (ulimit -s; LimitSTACK= of systemd)",
		first>>10, others>>10, lowestLimit*stackOfLevel>>10)
}

func (i *interpreter) boundRecursion(highest int) error {
	late, err := newLateFile("recursion.py")
	if err != nil {
		return err
	}
	defer late.release()
	if err := errors.Join(putItem(late.dict, "highest", highest, 0), putItem(late.dict, "lowest", lowestLimit, 0), i.lowerLimit(highest)); err != nil {
		return err
	}
	return late.replace(cpython.LateSetRecursionLimit, "setrecursionlimit", "sys")
}

// lowerLimit is for a process whose first thread has very little stack, and may not have more.
func (i *interpreter) lowerLimit(highest int) error {
	result, err := callNamed(i.sys, "getrecursionlimit")
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(result) }()
	v, err := fromRef(result)
	if err != nil {
		return err
	}
	if limit, ok := v.(int64); !ok || highest == 0 || int(limit) <= highest {
		return nil
	}
	result, err = callNamed(i.sys, "setrecursionlimit", highest)
	if err != nil {
		return err
	}
	return cpython.DecRef(result)
}
