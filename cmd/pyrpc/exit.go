package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pyrpc/pyrpc/pybridge"
)

// exitError is sys.exit of a program: its status, without a message of ours.
type exitError struct{ status int }

func (e *exitError) Error() string { return "exit status " + strconv.Itoa(e.status) }

// scriptError is what a program's end means for the command: sys.exit as python3 treats it, any other
// exception with its traceback.
func scriptError(err error) error {
	var e *pybridge.Error
	if !errors.As(err, &e) {
		return err
	}
	if !e.Is(pybridge.SystemExit) {
		return fmt.Errorf("the program raised\n%+v", e)
	}
	// RunMain has printed a text; what is left is a number, True, False or None.
	status, convErr := strconv.Atoi(e.Message)
	switch {
	case e.Message == "True":
		return &exitError{1}
	case convErr != nil || status&0xff == 0:
		return nil
	}
	return &exitError{status & 0xff}
}
