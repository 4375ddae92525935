// Package rpcerr makes the errors with which the rooms of an agent refuse something: a code of grpc, a text for people,
// and the cause. Package agent turns them into its own Error, which also names the worker.
package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is a refusal. status.FromError of grpc understands it.
type Error struct {
	Code codes.Code
	Text string
	Err  error // the cause, where there is one in this process
}

func (e *Error) Error() string { return fmt.Sprintf("agent: %s: %s", e.Code, e.Text) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus is for status.FromError.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, ValidText(e.Text)) }

// Errorf makes an Error. Errors among args stand in the text without the prefix that [Inner] removes; the one of a
// single %w is the cause.
func Errorf(code codes.Code, format string, args ...any) *Error {
	args = slices.Clone(args)
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = Inner{err}
		}
	}
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if in, ok := cause.(Inner); ok {
		cause = in.error
	}
	return &Error{Code: code, Text: err.Error(), Err: cause}
}

// Ended makes an Error of the end of a context: codes.DeadlineExceeded or Canceled.
func Ended(err error, doing string) *Error {
	code := codes.Canceled
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	return &Error{Code: code, Text: doing + ": " + err.Error(), Err: err}
}

// Inner is an error within another one's text: the outer one already says that it is the agent's, and with which code
// a call ends.
type Inner struct{ error }

// Within makes err an Inner.
func Within(err error) Inner { return Inner{err} }

func (in Inner) Error() string {
	if s, ok := in.error.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus().Message()
	}
	return strings.TrimPrefix(in.error.Error(), "agent: ")
}

func (in Inner) Unwrap() error { return in.error }

// ValidText is what may stand in a string field of the wire: anything else would make the whole frame unreadable.
func ValidText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
