package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pyrpc/pyrpc/pybridge"
)

// exitError is sys.exit of a program: its status and its own text, without a message of ours.
type exitError struct {
	status int
	text   string
}

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
	switch status, convErr := strconv.Atoi(e.Message); {
	case e.Message == "" || e.Message == "None":
		return nil
	case convErr == nil && status == 0:
		return nil
	case convErr == nil:
		return &exitError{status: status & 0xff}
	}
	return &exitError{1, e.Message} // sys.exit("text") prints the text and means 1
}
