package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// exitError is sys.exit of a program: its status, without a message of ours.
type exitError struct{ status int }

func (e *exitError) Error() string { return "exit status " + strconv.Itoa(e.status) }

// programEnded prints what a program failed with and tells the launcher, if there is one, before this process leaves its
// group: that wakes the others, which then fail too.
func programEnded(cmd *cobra.Command, launcher int, err error) error {
	failed := scriptError(err)
	var raised *programError
	if errors.As(failed, &raised) {
		cmd.PrintErrln("gopyrpc:", printable(raised.Error()))
		failed = &exitError{1}
	}
	if failed == nil || launcher == 0 || cmd.Context().Err() != nil {
		return failed
	}
	_ = launch.Report(os.NewFile(uintptr(launcher), "launcher"), statusOf(failed), errors.Is(err, rpcError)) // an error means that the launcher has gone
	return failed
}

// rpcError is the class of what a program fails with that cannot reach another worker.
const rpcError pybridge.Class = pyname.Internal + ".RpcError"

// programError is an exception that a program did not catch.
type programError struct{ err *pybridge.Error }

func (e *programError) Error() string { return fmt.Sprintf("the program raised\n%+v", e.err) }

// scriptError is what a program's end means for the command: sys.exit as python3 treats it, any other
// exception with its traceback.
func scriptError(err error) error {
	var e *pybridge.Error
	if !errors.As(err, &e) {
		return err
	}
	if !e.Is(pybridge.SystemExit) {
		return &programError{e}
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
